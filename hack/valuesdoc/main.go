// Command valuesdoc writes the README of a chart from the comments of its values.yaml.
//
//	valuesdoc charts/wamp-operator/values.yaml > charts/wamp-operator/README.md
//
// A comment that stands right above a key describes the key, with all below it that has none of its own;
// "# --- Title" begins a section. A value that nothing describes is an error.
package main

import (
	_ "embed"
	"fmt"
	"os"
	"strings"
	"text/template"
)

//go:embed readme.tmpl
var readme string

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: valuesdoc VALUES.YAML")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "valuesdoc:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sections, err := parse(string(data))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	// In a cell of a table a bar ends the cell.
	page, err := template.New("").Funcs(template.FuncMap{"cell": func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }}).Parse(readme)
	if err != nil {
		return err
	}
	return page.Execute(os.Stdout, sections)
}
