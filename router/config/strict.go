package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds what a document may expand to: aliases can make a small file huge.
const maxNodes = 1 << 20

// decode reads a YAML document into a value of a Kubernetes-style type (json tags). It is
// strict where the usual decoders are lenient or mute: an unknown field, a field written
// twice and a value of the wrong kind are problems that name the line and the way out.
func decode(file string, doc *yaml.Node, into any) []*Problem {
	return decodeKnown(file, doc, into, nil)
}

// decodeKnown is decode, but unknown, when there, is told the paths of unknown fields, which are left out.
func decodeKnown(file string, doc *yaml.Node, into any, unknown func(path string)) []*Problem {
	d := &decoder{file: file, unknown: unknown}
	value := d.value(doc, reflect.TypeOf(into).Elem(), "")
	if len(d.found) > 0 {
		return d.found
	}
	raw, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		d.problem(doc, "", "%v", err)
	}
	return d.found
}

// decoder walks a document beside the type it is meant for and builds its JSON value.
type decoder struct {
	file    string
	unknown func(path string)
	found   []*Problem
	nodes   int
}

func (d *decoder) problem(n *yaml.Node, path, format string, args ...any) {
	d.found = append(d.found, &Problem{File: d.file, Line: n.Line, Path: path, Message: fmt.Sprintf(format, args...)})
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func (d *decoder) value(n *yaml.Node, t reflect.Type, path string) any {
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.problem(n, path, "the document expands to more than %d values: write fewer aliases", maxNodes)
		}
		return nil
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return d.value(n.Content[0], t, path)
	case yaml.AliasNode:
		return d.value(n.Alias, t, path)
	}
	if n.Tag == "!!null" {
		return nil
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return d.special(n, t, path)
	}
	switch t.Kind() {
	case reflect.Struct:
		return d.structure(n, t, path)
	case reflect.Map:
		return d.mapping(n, t, path)
	case reflect.Slice:
		return d.list(n, t, path)
	case reflect.Interface:
		return d.anything(n, path)
	default:
		return d.scalar(n, t, path)
	}
}

func (d *decoder) structure(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.MappingNode {
		d.problem(n, path, "this must be a map with some of the fields %s, not %s", list(fieldNames(t)), kindOf(n))
		return nil
	}
	known := fields(t)
	out := make(map[string]any, len(n.Content)/2)
	d.pairs(n, path, func(key, value *yaml.Node, at string) {
		field, ok := known[key.Value]
		if !ok && d.unknown != nil {
			d.unknown(at)
			return
		}
		if !ok {
			d.problem(key, at, "unknown field; %s", suggest(key.Value, fieldNames(t)))
			return
		}
		out[key.Value] = d.value(value, field, at)
	})
	return out
}

func (d *decoder) mapping(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.MappingNode {
		d.problem(n, path, "this must be a map, not %s", kindOf(n))
		return nil
	}
	out := make(map[string]any, len(n.Content)/2)
	d.pairs(n, path, func(key, value *yaml.Node, at string) {
		out[key.Value] = d.value(value, t.Elem(), at)
	})
	return out
}

// pairs visits the fields of a map and refuses one that is written twice.
func (d *decoder) pairs(n *yaml.Node, path string, visit func(key, value *yaml.Node, at string)) {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := key.Value
		if path != "" {
			at = path + "." + key.Value
		}
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			d.problem(key, at, "the name of a field must be a plain word")
			continue
		}
		if first, twice := seen[key.Value]; twice {
			d.problem(key, at, "this field is already written in line %d: keep one of the two", first)
			continue
		}
		seen[key.Value] = key.Line
		visit(key, value, at)
	}
}

func (d *decoder) list(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.SequenceNode {
		d.problem(n, path, "this must be a list (lines that begin with \"- \"), not %s", kindOf(n))
		return nil
	}
	out := make([]any, len(n.Content))
	for i, item := range n.Content {
		out[i] = d.value(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
	}
	return out
}

func (d *decoder) scalar(n *yaml.Node, t reflect.Type, path string) any {
	wrong := func(want string) any {
		if n.Kind == yaml.ScalarNode {
			d.problem(n, path, "%q is not %s", n.Value, want)
		} else {
			d.problem(n, path, "this must be %s, not %s", want, kindOf(n))
		}
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		if n.Kind != yaml.ScalarNode {
			return wrong("a text")
		}
		if n.Tag == "!!int" || n.Tag == "!!float" || n.Tag == "!!bool" {
			return wrong(fmt.Sprintf("a text: write it in quotes, %q", n.Value))
		}
		return n.Value
	case reflect.Bool:
		var v bool
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Decode(&v) != nil {
			return wrong("true or false")
		}
		return v
	default:
		v := reflect.New(t)
		if n.Kind != yaml.ScalarNode || (n.Tag != "!!int" && n.Tag != "!!float") || n.Decode(v.Interface()) != nil {
			return wrong(fmt.Sprintf("a number that fits here (%s)", t.Kind()))
		}
		return v.Elem().Interface()
	}
}

// special is a value whose type reads its own JSON, such as a duration or a time.
func (d *decoder) special(n *yaml.Node, t reflect.Type, path string) any {
	value := d.anything(n, path)
	raw, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(raw, reflect.New(t).Interface())
	}
	if err != nil {
		d.problem(n, path, "%q cannot be read: %v", n.Value, err)
	}
	return value
}

func (d *decoder) anything(n *yaml.Node, path string) any {
	switch n.Kind {
	case yaml.MappingNode:
		return d.mapping(n, reflect.TypeFor[map[string]any](), path)
	case yaml.SequenceNode:
		return d.list(n, reflect.TypeFor[[]any](), path)
	}
	switch n.Tag {
	case "!!int", "!!float":
		if _, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return json.Number(n.Value)
		}
	case "!!bool":
		var v bool
		if n.Decode(&v) == nil {
			return v
		}
	}
	return n.Value
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	default:
		return strconv.Quote(n.Value)
	}
}
