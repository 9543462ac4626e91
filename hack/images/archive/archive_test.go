package archive

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The container runtime verifies that the layer matches the digest in the config and finds both
// through manifest.json; an image that breaks this loads nowhere.
func TestArchiveIsConsistent(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "hello")
	if err := os.WriteFile(bin, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	img := Image{Ref: "example.test/hello:dev", Files: map[string]string{"/usr/local/bin/hello": bin}, Entrypoint: []string{"/usr/local/bin/hello"}}
	var one, two bytes.Buffer
	if err := Write(&one, img); err != nil {
		t.Fatal(err)
	}
	if err := Write(&two, img); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("two archives of the same image differ")
	}

	outer := untar(t, one.Bytes())
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(outer["manifest.json"].data, &manifest); err != nil {
		t.Fatal(err)
	}
	if got := manifest[0].RepoTags[0]; got != img.Ref {
		t.Errorf("RepoTags = %q, want %q", got, img.Ref)
	}
	var config struct {
		Config struct {
			User       string
			Entrypoint []string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(outer[manifest[0].Config].data, &config); err != nil {
		t.Fatal(err)
	}
	layer := outer[manifest[0].Layers[0]].data
	if want := "sha256:" + digest(layer); config.RootFS.DiffIDs[0] != want {
		t.Errorf("diff id = %s, want %s", config.RootFS.DiffIDs[0], want)
	}
	if config.Config.User != NonRoot {
		t.Errorf("user = %q, want %q", config.Config.User, NonRoot)
	}

	files := untar(t, layer)
	if f := files["usr/local/bin/hello"]; string(f.data) != "program" || f.mode != 0o755 {
		t.Errorf("binary in layer: %q mode %o", f.data, f.mode)
	}
	if f, ok := files["tmp/"]; !ok || f.mode != 0o1777 {
		t.Errorf("/tmp is missing or not world-writable: %o", f.mode)
	}
	if !strings.Contains(string(files["etc/passwd"].data), "nonroot:x:65532:") {
		t.Error("/etc/passwd lacks the nonroot user")
	}
}

func TestRelativePathIsRefused(t *testing.T) {
	err := Write(io.Discard, Image{Ref: "x", Files: map[string]string{"bin/x": os.DevNull}})
	if err == nil || !strings.Contains(err.Error(), `"bin/x"`) {
		t.Errorf("error = %v, want one that names the path", err)
	}
}

type entry struct {
	data []byte
	mode int64
}

func untar(t *testing.T, b []byte) map[string]entry {
	t.Helper()
	files := map[string]entry{}
	tr := tar.NewReader(bytes.NewReader(b))
	for {
		hdr, err := tr.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		files[hdr.Name] = entry{data, hdr.Mode}
	}
}
