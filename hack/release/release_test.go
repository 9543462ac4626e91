package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

var moment = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// The list of what a program is built from has every module once, as it was replaced, and Go itself.
func TestBill(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.1", Path: "example.com/cmd/hello", Deps: []*debug.Module{
		{Path: "example.com/a", Version: "v1.0.0", Sum: "h1:x="},
		{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/c", Version: "v2.0.0"}},
	}}
	data, err := json.Marshal(bill("hello", "1.2.3", moment, []*debug.BuildInfo{info, info}))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		BomFormat, SpecVersion string
		Metadata               struct {
			Timestamp string
			Component struct{ Name, Version string }
		}
		Components   []struct{ PURL string }
		Dependencies []struct{ DependsOn []string }
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	var purls []string
	for _, c := range list.Components {
		purls = append(purls, c.PURL)
	}
	want := "pkg:golang/example.com/a@v1.0.0 pkg:golang/example.com/c@v2.0.0 pkg:golang/std@1.26.1"
	if have := strings.Join(purls, " "); have != want || strings.Join(list.Dependencies[0].DependsOn, " ") != want {
		t.Errorf("components %s, want %s", have, want)
	}
	if list.BomFormat != "CycloneDX" || list.Metadata.Timestamp != "2026-01-02T03:04:05Z" || list.Metadata.Component.Name != "hello" || list.Metadata.Component.Version != "v1.2.3" {
		t.Errorf("%s", data)
	}
}

// Two packages of one chart are the same, whenever they were made.
func TestTimeless(t *testing.T) {
	packed := func(at time.Time, names ...string) []byte {
		var out bytes.Buffer
		zip := gzip.NewWriter(&out)
		tw := tar.NewWriter(zip)
		for _, name := range names {
			if err := tw.WriteHeader(&tar.Header{Name: name, Size: int64(len(name)), ModTime: at, Mode: 0o600}); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(tw, name); err != nil {
				t.Fatal(err)
			}
		}
		if err := tw.Close(); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	one, err := timeless(packed(moment, "c/values.yaml", "c/A", "c/Chart.yaml"), moment)
	if err != nil {
		t.Fatal(err)
	}
	two, err := timeless(packed(moment.Add(time.Hour), "c/Chart.yaml", "c/A", "c/values.yaml"), moment)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("they differ (%v)", err)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(one))
	if err != nil {
		t.Fatal(err)
	}
	first, err := tar.NewReader(unzip).Next()
	if err != nil || first.Name != "c/Chart.yaml" || !first.ModTime.Equal(moment) {
		t.Errorf("first %+v, %v", first, err)
	}
}

// What is no version is refused before anything is removed.
func TestVersion(t *testing.T) {
	for _, version := range []string{"", "1.2.3", "v1.2", "v1.2.3 ", "latest"} {
		if err := (&release{out: "/nonexistent"}).make(version); err == nil || !strings.Contains(err.Error(), "write one such as") {
			t.Errorf("%q: %v", version, err)
		}
	}
}

// Names of license files are found, those of programs are not.
func TestLicenseName(t *testing.T) {
	for name, want := range map[string]bool{
		"LICENSE": true, "LICENSE.txt": true, "license.md": true, "LICENCE": true, "COPYING": true, "NOTICE": true, "LICENSE-MIT": true,
		"licenses": false, "README.md": false,
	} {
		if licenseName.MatchString(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
