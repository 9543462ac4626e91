package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// bills writes what each program is built from, read from the programs themselves, as CycloneDX 1.5.
func (r *release) bills() error {
	for _, program := range programs {
		infos, err := r.built(program)
		if err != nil {
			return err
		}
		data, err := json.MarshalIndent(bill(program, r.version, r.created, infos), "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(r.out, program+".cdx.json"), append(data, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// bill lists the modules of a program, those of all architectures together, and Go's standard library.
func bill(program, version string, created time.Time, infos []*debug.BuildInfo) map[string]any {
	main := golang("application", infos[0].Path, "v"+version)
	main.Name = program
	found := map[string]component{}
	for _, info := range infos {
		std := golang("library", "std", strings.TrimPrefix(info.GoVersion, "go"))
		found[std.Ref] = std
		for _, m := range modules(info) {
			c := golang("library", m.Path, m.Version)
			if m.Sum != "" {
				c.Properties = []property{{"go:sum", m.Sum}} // as in go.sum
			}
			found[c.Ref] = c
		}
	}
	var components []component
	var uses []string
	for _, c := range found {
		components, uses = append(components, c), append(uses, c.Ref)
	}
	slices.SortFunc(components, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	slices.Sort(uses)
	return map[string]any{
		"$schema":      "http://cyclonedx.org/schema/bom-1.5.schema.json",
		"bomFormat":    "CycloneDX",
		"specVersion":  "1.5",
		"version":      1,
		"metadata":     map[string]any{"timestamp": created.Format(time.RFC3339), "component": main},
		"components":   components,
		"dependencies": []any{map[string]any{"ref": main.Ref, "dependsOn": uses}},
	}
}

// golang is a component with its package URL.
func golang(kind, path, version string) component {
	purl := fmt.Sprintf("pkg:golang/%s@%s", path, version)
	return component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
}

// modules are those that a program is built from beside its own, as they were replaced.
func modules(info *debug.BuildInfo) (found []*debug.Module) {
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		found = append(found, m)
	}
	return found
}
