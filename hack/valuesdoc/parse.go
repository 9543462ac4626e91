package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// section of the page.
type section struct {
	Title  string
	Values []value
}

// value is a row of a section's table.
type value struct{ Path, Default, About string }

var (
	keyLine     = regexp.MustCompile(`^( *)([A-Za-z][A-Za-z0-9]*):(.*)$`)
	commentLine = regexp.MustCompile(`^ *# ?(.*)$`)
)

// parse reads values.yaml line by line: it has block style, two spaces a level, at every level that
// is described.
func parse(text string) (sections []section, err error) {
	var values map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &values); err != nil {
		return nil, err
	}
	var path, comment []string
	described := -1 // the level of the key whose description is for all below it
	for number, line := range strings.Split(text, "\n") {
		if title, ok := strings.CutPrefix(line, "# --- "); ok {
			sections, comment = append(sections, section{Title: title}), nil
			continue
		}
		if m := commentLine.FindStringSubmatch(line); m != nil {
			comment = append(comment, m[1])
			continue
		}
		m := keyLine.FindStringSubmatch(line)
		if m == nil {
			comment = nil // what stands apart is about the file
			continue
		}
		level := len(m[1]) / 2
		if level > len(path) {
			level = len(path) // in a list: its key has a description
		}
		path = append(path[:level], m[2])
		if described >= 0 && level > described {
			if len(comment) > 0 {
				return nil, fmt.Errorf("line %d: %s is described, and so is what it is a part of: describe one of them", number+1, strings.Join(path, "."))
			}
			continue
		}
		described = -1
		leaf := strings.TrimSpace(m[3]) != ""
		switch {
		case len(comment) > 0 && len(sections) == 0:
			return nil, fmt.Errorf("line %d: %s is in no section: write a line \"# --- Title\" above it", number+1, strings.Join(path, "."))
		case len(comment) > 0:
			described = level
			row := value{Path: strings.Join(path, "."), About: strings.Join(comment, " ")}
			if row.Default, err = initial(values, path); err != nil {
				return nil, err
			}
			last := &sections[len(sections)-1]
			last.Values = append(last.Values, row)
		case leaf:
			return nil, fmt.Errorf("line %d: %s has no description: write a comment above it", number+1, strings.Join(path, "."))
		}
		comment = nil
	}
	return sections, nil
}

// initial is the value that is there, as JSON, which helm's --set-json takes.
func initial(values map[string]any, path []string) (string, error) {
	var at any = values
	for _, key := range path {
		m, ok := at.(map[string]any)
		if !ok {
			return "", fmt.Errorf("%s is not where its indentation says", strings.Join(path, "."))
		}
		at = m[key]
	}
	data, err := json.Marshal(at)
	return string(data), err
}
