package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	yamlv2 "go.yaml.in/yaml/v2"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/types"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Documents is what a router serves: the realms, with the Secrets of their principals, and the
// declared procedures.
type Documents struct {
	// Hash is v1alpha1.HashDocuments of the files.
	Hash       string
	Realms     []*v1alpha1.WampRealm
	Procedures []*v1alpha1.WampProcedure
	// Cluster says how many replicas there are and what they do that cannot reach one another; nil
	// when no document says so. Nothing else of it means anything to a router.
	Cluster *v1alpha1.WampCluster
	// secrets are what realms refer to; see Secret.
	secrets map[types.NamespacedName]map[string][]byte
	// Ignored says, with file and line, what of the documents means nothing to a router, such as
	// most of a WampCluster.
	Ignored []string
	// Unknown are the fields of procedures that are of a later version than this router, in words. They
	// have no effect.
	Unknown []string
}

// LoadDocuments reads every WampRealm, WampProcedure and Secret of the files, and the WampCluster; a path that is
// a folder stands for its *.yaml and *.yml files in the order of their names. The error joins
// everything that is wrong ([Problem]), not only the first thing.
func LoadDocuments(paths []string) (*Documents, error) {
	files, err := readDocuments(paths)
	if err != nil {
		return nil, err
	}
	return parseDocuments(files)
}

// ParseDocuments reads documents that are not in a file; name stands for the file in errors.
func ParseDocuments(name string, content []byte) (*Documents, error) {
	return parseDocuments([]file{{name: name, path: name, content: content}})
}

func parseDocuments(files []file) (*Documents, error) {
	p := parser{docs: &Documents{Hash: hash(files)}, places: map[string]string{}}
	for _, f := range files {
		p.file(f)
	}
	if len(p.found) > 0 {
		return nil, problems(p.found)
	}
	p.docs.Unknown = p.unknown.sentences()
	return p.docs, nil
}

type parser struct {
	docs   *Documents
	places map[string]string // what is declared: where
	found  []*Problem
	// unknown are the fields that are left out of what the operator says of procedures.
	unknown unknownFields
}

func (p *parser) file(f file) {
	stream := yaml.NewDecoder(bytes.NewReader(f.content))
	for {
		var doc yaml.Node
		err := stream.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			p.found = append(p.found, syntaxProblem(f.path, f.content, err))
			return
		}
		if body := doc.Content[0]; body.Tag != "!!null" {
			p.document(f, body)
		}
	}
}

func (p *parser) document(f file, doc *yaml.Node) {
	path := f.path
	problem := func(line int, format string, args ...any) {
		p.found = append(p.found, &Problem{File: path, Line: line, Message: fmt.Sprintf(format, args...)})
	}
	kind, line := top(doc, "kind")
	version, versionLine := top(doc, "apiVersion")
	switch kind {
	case v1alpha1.KindWampRealm, v1alpha1.KindWampProcedure, v1alpha1.KindWampCluster:
		if want := v1alpha1.GroupVersion.String(); version != want {
			problem(versionLine, "apiVersion %q of a %s is not served: write apiVersion: %s", version, kind, want)
			return
		}
	case kindSecret:
		if version != secretVersion {
			problem(versionLine, "apiVersion %q of a Secret is not served: write apiVersion: v1", version)
			return
		}
		p.secret(path, doc)
		return
	case "":
		problem(doc.Line, "a document without kind: write kind: %s or kind: %s", v1alpha1.KindWampRealm, v1alpha1.KindWampProcedure)
		return
	default:
		problem(line, "kind %s is not served by a router; %s", kind,
			suggest(kind, []string{v1alpha1.KindWampRealm, v1alpha1.KindWampProcedure, kindSecret}))
		return
	}
	switch kind {
	case v1alpha1.KindWampRealm:
		realm := &v1alpha1.WampRealm{}
		if p.object(path, doc, realm, nil) {
			p.unique(path, doc, "realm "+realm.Spec.Realm)
			p.docs.Realms = append(p.docs.Realms, realm)
		}
	case v1alpha1.KindWampProcedure:
		procedure := &v1alpha1.WampProcedure{}
		if p.object(path, doc, procedure, p.unknown.of(f, doc)) {
			p.unique(path, doc, fmt.Sprintf("procedure %s (match %s) of realm %s",
				procedure.Spec.URI, procedure.Spec.Match, procedure.Spec.Realm))
			p.docs.Procedures = append(p.docs.Procedures, procedure)
		}
	default:
		cluster := &v1alpha1.WampCluster{}
		if !p.object(path, doc, cluster, nil) {
			return
		}
		p.unique(path, doc, "the one WampCluster that a router belongs to")
		p.docs.Cluster = cluster
		rest := cluster.Spec
		rest.Replicas, rest.PartitionPolicy = nil, ""
		if !reflect.ValueOf(rest).IsZero() {
			p.docs.Ignored = append(p.docs.Ignored, fmt.Sprintf(
				"%s:%d: of %s %s a router uses spec.replicas and spec.partitionPolicy; all else in it is for the operator",
				path, doc.Line, kind, cluster.Name))
		}
	}
}

// Quorum is the number of replicas of which a router has to reach more than half, itself included, to
// decide anything for the cluster; 0 when it need not.
func (d *Documents) Quorum() int {
	if d.Cluster == nil || d.Cluster.Spec.PartitionPolicy != v1alpha1.PartitionMajority {
		return 0
	}
	return int(*d.Cluster.Spec.Replicas)
}

// object decodes, defaults and validates one document. Unknown is told of fields that nobody knows;
// without it they are refused.
func (p *parser) object(path string, doc *yaml.Node, into interface {
	Default()
	Validate() error
}, unknown func(path string)) bool {
	if found := decodeKnown(path, doc, into, unknown); len(found) > 0 {
		p.found = append(p.found, found...)
		return false
	}
	into.Default()
	if err := into.Validate(); err != nil {
		p.found = append(p.found, invalid(path, doc, err)...)
		return false
	}
	return true
}

// unique refuses what is declared twice, naming both places.
func (p *parser) unique(path string, doc *yaml.Node, what string) {
	if first, twice := p.places[what]; twice {
		p.found = append(p.found, &Problem{File: path, Line: doc.Line,
			Message: fmt.Sprintf("%s is already declared at %s: keep one of the two", what, first)})
		return
	}
	p.places[what] = fmt.Sprintf("%s:%d", path, doc.Line)
}

// top gives a scalar at the top of a document and its line (that of the document when it is
// not there).
func top(doc *yaml.Node, name string) (string, int) {
	if doc.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(doc.Content); i += 2 {
			if doc.Content[i].Value == name {
				return doc.Content[i+1].Value, doc.Content[i].Line
			}
		}
	}
	return "", doc.Line
}

// invalid turns what Validate found into problems with the line of the field.
func invalid(path string, doc *yaml.Node, err error) []*Problem {
	errs := []error{err}
	var all utilerrors.Aggregate
	if errors.As(err, &all) {
		errs = all.Errors()
	}
	found := make([]*Problem, 0, len(errs))
	for _, err := range errs {
		p := &Problem{File: path, Line: doc.Line, Message: err.Error()}
		var f *field.Error
		if errors.As(err, &f) {
			p.Path, p.Line, p.Message = f.Field, lineOf(doc, f.Field), f.ErrorBody()
			if f.Type == field.ErrorTypeInvalid {
				p.Message = fmt.Sprintf("%q is not valid: %s", fmt.Sprint(f.BadValue), f.Detail)
			}
		}
		found = append(found, p)
	}
	return found
}

var pathStep = regexp.MustCompile(`[^.\[\]]+`)

// lineOf gives the line of the field at a path, or of the closest thing above it.
func lineOf(n *yaml.Node, path string) int {
	line := n.Line
steps:
	for _, step := range pathStep.FindAllString(path, -1) {
		for n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					line, n = n.Content[i].Line, n.Content[i+1]
					continue steps
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(step); err == nil && i < len(n.Content) {
				n = n.Content[i]
				line = n.Line
				continue
			}
		}
		break
	}
	return line
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// countsFromZero are the faults of structure, whose lines the parser counts from 0; it counts
// those of letters from 1.
var countsFromZero = regexp.MustCompile("^did not find expected (key|node|'-'|','|<)")

// syntaxProblem says where a file is not YAML. The parser tells the line where the block around
// the fault began; its older version tells the line of the fault, so that one is asked too.
func syntaxProblem(path string, content []byte, err error) *Problem {
	stream := yamlv2.NewDecoder(bytes.NewReader(content))
	for {
		var doc any
		older := stream.Decode(&doc)
		if errors.Is(older, io.EOF) {
			break
		}
		if older != nil {
			if strings.HasPrefix(older.Error(), "yaml: line ") {
				err = older
			}
			break
		}
	}
	p := &Problem{File: path, Message: "this is not YAML: " + err.Error()}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		if countsFromZero.MatchString(m[2]) {
			p.Line++
		}
		p.Message = "this is not YAML, here or in the line above: " + m[2]
	}
	return p
}
