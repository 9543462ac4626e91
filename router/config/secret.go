package config

import (
	"encoding/base64"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	kindSecret    = "Secret"
	secretVersion = "v1"
)

// secret is a Kubernetes Secret but for what it keeps, which secretData reads.
type secret struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Type              string `json:"type,omitempty"`
	Immutable         *bool  `json:"immutable,omitempty"`
}

// secretData takes data and stringData out of a document. It is apart from decode, whose
// problems repeat what they complain about: what a Secret keeps must not stand in a log.
func secretData(path string, doc *yaml.Node) (rest *yaml.Node, data map[string][]byte, found []*Problem) {
	shell := *doc
	shell.Content = nil
	data = map[string][]byte{}
	if doc.Kind != yaml.MappingNode {
		return &shell, data, nil
	}
	// stringData goes over data, as in Kubernetes, wherever it stands.
	for _, part := range []string{"data", "stringData"} {
		for i := 0; i+1 < len(doc.Content); i += 2 {
			key, value := doc.Content[i], doc.Content[i+1]
			if key.Value == part {
				found = append(found, secretValues(path, part, value, data)...)
			}
		}
	}
	for i := 0; i+1 < len(doc.Content); i += 2 {
		if name := doc.Content[i].Value; name != "data" && name != "stringData" {
			shell.Content = append(shell.Content, doc.Content[i], doc.Content[i+1])
		}
	}
	return &shell, data, found
}

func secretValues(path, part string, values *yaml.Node, into map[string][]byte) (found []*Problem) {
	for values.Kind == yaml.AliasNode {
		values = values.Alias
	}
	problem := func(n *yaml.Node, at, message string) {
		found = append(found, &Problem{File: path, Line: n.Line, Path: at, Message: message})
	}
	if values.Kind != yaml.MappingNode {
		if values.Tag != "!!null" {
			problem(values, part, "this must be a map of names and texts")
		}
		return found
	}
	for i := 0; i+1 < len(values.Content); i += 2 {
		key, value := values.Content[i], values.Content[i+1]
		at := part + "." + key.Value
		for value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		switch {
		case value.Kind != yaml.ScalarNode || value.Tag != "!!str" && value.Tag != "!!binary":
			problem(value, at, "this must be a text: write it in quotes")
		case part == "stringData":
			into[key.Value] = []byte(value.Value)
		default:
			raw, err := base64.StdEncoding.DecodeString(value.Value)
			if err != nil {
				problem(value, at, "this is not base64: a text that is meant as it stands goes under stringData")
				continue
			}
			into[key.Value] = raw
		}
	}
	return found
}

// secret reads a Secret.
func (p *parser) secret(path string, doc *yaml.Node) {
	rest, data, found := secretData(path, doc)
	s := &secret{}
	found = append(found, decode(path, rest, s)...)
	if s.Name == "" && len(found) == 0 {
		found = append(found, &Problem{File: path, Line: doc.Line, Path: "metadata.name", Message: "write a name for the Secret"})
	}
	if len(found) > 0 {
		p.found = append(p.found, found...)
		return
	}
	name := types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
	what := "Secret " + s.Name
	if s.Namespace != "" {
		what = "Secret " + name.String()
	}
	p.unique(path, doc, what)
	if p.docs.secrets == nil {
		p.docs.secrets = map[types.NamespacedName]map[string][]byte{}
	}
	p.docs.secrets[name] = data
}

// Secret gives what a Secret keeps. One that is written without a namespace is in every one, as
// a manifest is in the namespace that it is applied to.
func (d *Documents) Secret(namespace, name string) (map[string][]byte, bool) {
	for _, in := range []string{namespace, ""} {
		if data, ok := d.secrets[types.NamespacedName{Namespace: in, Name: name}]; ok {
			return data, true
		}
	}
	return nil, false
}
