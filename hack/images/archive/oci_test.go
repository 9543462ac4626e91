package archive

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A registry verifies every digest on the way from the index to the layer.
func TestOCI(t *testing.T) {
	dir := t.TempDir()
	var images []Image
	for _, arch := range []string{"amd64", "arm64"} {
		bin := filepath.Join(dir, arch)
		if err := os.WriteFile(bin, []byte("program for "+arch), 0o755); err != nil {
			t.Fatal(err)
		}
		images = append(images, Image{
			Ref: "example.test/hello:1", Arch: arch, Labels: map[string]string{"org.opencontainers.image.version": "1"},
			Files: map[string]string{"/bin/hello": bin}, Documents: map[string]string{"/usr/share/doc/hello/LICENSE": bin}, Entrypoint: []string{"/bin/hello"},
		})
	}
	var one, two bytes.Buffer
	digestOne, err := WriteOCI(&one, images)
	if err != nil {
		t.Fatal(err)
	}
	digestTwo, err := WriteOCI(&two, images)
	if err != nil {
		t.Fatal(err)
	}
	if digestOne != digestTwo || !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("two archives of the same images differ")
	}

	files := untar(t, one.Bytes())
	blob := func(d descriptor) []byte {
		t.Helper()
		data := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")].data
		if "sha256:"+digest(data) != d.Digest || len(data) != d.Size {
			t.Fatalf("blob %+v has %d bytes of digest %s", d, len(data), digest(data))
		}
		return data
	}
	var entry, index struct{ Manifests []descriptor }
	decode(t, files["index.json"].data, &entry)
	if entry.Manifests[0].Digest != digestOne || entry.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "example.test/hello:1" {
		t.Errorf("entry %+v, want %s", entry, digestOne)
	}
	decode(t, blob(entry.Manifests[0]), &index)
	if len(index.Manifests) != 2 {
		t.Fatalf("index %+v", index)
	}
	for _, d := range index.Manifests {
		var manifest struct {
			Config descriptor
			Layers []descriptor
		}
		decode(t, blob(d), &manifest)
		var config struct {
			Architecture string
			RootFS       struct {
				DiffIDs []string `json:"diff_ids"`
			}
		}
		decode(t, blob(manifest.Config), &config)
		zip, err := gzip.NewReader(bytes.NewReader(blob(manifest.Layers[0])))
		if err != nil {
			t.Fatal(err)
		}
		layer, err := io.ReadAll(zip)
		if err != nil {
			t.Fatal(err)
		}
		in := untar(t, layer)
		if config.Architecture != d.Platform.Architecture || config.RootFS.DiffIDs[0] != "sha256:"+digest(layer) ||
			string(in["bin/hello"].data) != "program for "+config.Architecture || in["usr/share/doc/hello/LICENSE"].mode != 0o644 {
			t.Errorf("for %s: %+v", d.Platform.Architecture, config)
		}
	}
}

func decode(t *testing.T, data []byte, out any) {
	t.Helper()
	if err := json.Unmarshal(data, out); err != nil {
		t.Fatal(err)
	}
}
