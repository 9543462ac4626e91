package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// unknownFields are the fields that an operator wrote of procedures and this router does not know. While
// routers are upgraded some are older than the operator: they must not lose all that the snapshot says for
// a field of one procedure. What people write is refused instead, for there it is a slip; and so is
// what nobody knows of realms, Secrets and the cluster, since it may be there to forbid something.
type unknownFields struct {
	fields []*unknownField
	byPath map[string]*unknownField
}

type unknownField struct {
	path       string
	first      string // procedure that has it
	procedures int
}

// of gives what to tell the unknown fields of a procedure; nil where they are refused.
func (u *unknownFields) of(f file, doc *yaml.Node) func(path string) {
	if !f.operator {
		return nil
	}
	return func(path string) {
		known := u.byPath[path]
		if known == nil {
			if u.byPath == nil {
				u.byPath = map[string]*unknownField{}
			}
			known = &unknownField{path: path, first: nameOf(doc)}
			u.byPath[path] = known
			u.fields = append(u.fields, known)
		}
		known.procedures++
	}
}

// sentences are one for each field, whatever the number of procedures that have it.
func (u *unknownFields) sentences() []string {
	var all []string
	for _, f := range u.fields {
		who := "procedure " + f.first
		switch {
		case f.procedures == 2:
			who += " and one more"
		case f.procedures > 2:
			who += fmt.Sprintf(" and %d more", f.procedures-1)
		}
		all = append(all, fmt.Sprintf("%s of %s is not known to this version of the router and has no effect: upgrade the router", f.path, who))
	}
	return all
}

// nameOf gives metadata.namespace and metadata.name of a document, as far as they are there.
func nameOf(doc *yaml.Node) string {
	for i := 0; i+1 < len(doc.Content); i += 2 {
		if doc.Content[i].Value != "metadata" {
			continue
		}
		name, _ := top(doc.Content[i+1], "name")
		if namespace, _ := top(doc.Content[i+1], "namespace"); namespace != "" {
			name = namespace + "/" + name
		}
		return name
	}
	return "without a name"
}
