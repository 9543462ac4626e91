package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
)

// licensesFile is in the folder of the release and in the images.
const licensesFile = "THIRD_PARTY_LICENSES.txt"

// licenseName is how files with a license, or with what a license asks to be passed on, are called.
var licenseName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice)([-._].*)?$`)

// licenses writes the licenses of all modules that the programs are built from, and of Go.
func (r *release) licenses() error {
	used := map[string]bool{}
	for _, program := range programs {
		infos, err := r.built(program)
		if err != nil {
			return err
		}
		for _, info := range infos {
			for _, m := range modules(info) {
				used[m.Path+"@"+m.Version] = true
			}
		}
	}
	folders, err := sources()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "The programs of wamp-operator are built from these modules, under these licenses.\n")
	goLicense := filepath.Join(runtime.GOROOT(), "LICENSE") //nolint:staticcheck // the Go that builds the release
	if data, err := os.ReadFile(goLicense); err == nil {
		fmt.Fprintf(&text, "\n==== Go, LICENSE\n\n%s", data)
	}
	for _, module := range slices.Sorted(maps.Keys(used)) {
		folder, ok := folders[module]
		if !ok {
			return fmt.Errorf("module %s is in a program and not in go.mod", module)
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		n := 0
		for _, e := range entries {
			if e.IsDir() || !licenseName.MatchString(e.Name()) {
				continue
			}
			data, err := os.ReadFile(filepath.Join(folder, e.Name()))
			if err != nil {
				return err
			}
			fmt.Fprintf(&text, "\n==== %s, %s\n\n%s\n", module, e.Name(), bytes.TrimSpace(data))
			n++
		}
		if n == 0 {
			return fmt.Errorf("module %s has no license in %s: it cannot be passed on", module, folder)
		}
	}
	return os.WriteFile(filepath.Join(r.out, licensesFile), text.Bytes(), 0o644)
}

// sources has the folder of each module, by PATH@VERSION.
func sources() (map[string]string, error) {
	cmd := exec.Command("go", "list", "-m", "-json", "all")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing modules: %w", err)
	}
	folders := map[string]string{}
	list := json.NewDecoder(bytes.NewReader(out))
	for {
		var m struct {
			Path, Version, Dir string
			Replace            *struct{ Path, Version, Dir string }
		}
		if err := list.Decode(&m); errors.Is(err, io.EOF) {
			return folders, nil
		} else if err != nil {
			return nil, err
		}
		if m.Replace != nil {
			m.Path, m.Version, m.Dir = m.Replace.Path, m.Replace.Version, m.Replace.Dir
		}
		folders[m.Path+"@"+m.Version] = m.Dir
	}
}
