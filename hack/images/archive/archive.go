// Package archive writes container images: one layer of static binaries and the few files that a
// program expects of any system. Write makes docker-archive tars of one image for this machine,
// WriteOCI an OCI layout of one image for several architectures. No container tool is involved, and the
// same input gives the same bytes, hence the same digest.
package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"sort"
	"time"
)

// NonRoot is the user that images run as when they name none: the id that distroless images
// made customary, so that runAsNonRoot can be verified by the kubelet.
const NonRoot = "65532:65532"

// Image is what goes into an archive.
type Image struct {
	Ref        string            // name with tag, such as ghcr.io/wamp-operator/wamp-router:dev
	Files      map[string]string // absolute path in the image -> file on this machine, mode 0755
	Entrypoint []string          // absolute path and fixed arguments
	User       string            // uid:gid; NonRoot when empty

	Arch      string            // as GOARCH has it; that of this machine when empty
	Documents map[string]string // absolute path in the image -> file on this machine, mode 0644
	Labels    map[string]string // org.opencontainers.image.… and others
	Created   time.Time         // 1970 when zero
}

// etc are the files that name lookups in a Go or C program rely on.
var etc = map[string]string{
	"etc/passwd":        "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
	"etc/group":         "root:x:0:\nnonroot:x:65532:\n",
	"etc/nsswitch.conf": "hosts: files dns\n",
}

// Write writes the image to w.
func Write(w io.Writer, img Image) error {
	layer, err := img.layer()
	if err != nil {
		return fmt.Errorf("image %s: %w", img.Ref, err)
	}
	config, err := img.config(layer)
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{{
		"Config":   digest(config) + ".json",
		"RepoTags": []string{img.Ref},
		"Layers":   []string{digest(layer) + "/layer.tar"},
	}})
	if err != nil {
		return err
	}
	tw := tar.NewWriter(w)
	for _, f := range []struct {
		name string
		data []byte
	}{
		{digest(layer) + "/layer.tar", layer},
		{digest(config) + ".json", config},
		{"manifest.json", manifest},
	} {
		if err := addFile(tw, f.name, 0o644, f.data); err != nil {
			return err
		}
	}
	return tw.Close()
}

// config is the image's description; both formats have the same.
func (img Image) config(layer []byte) ([]byte, error) {
	user, arch, created := img.User, img.Arch, img.Created
	if user == "" {
		user = NonRoot
	}
	if arch == "" {
		arch = runtime.GOARCH
	}
	if created.IsZero() {
		created = time.Unix(0, 0)
	}
	inner := map[string]any{
		"User":       user,
		"Entrypoint": img.Entrypoint,
		"WorkingDir": "/",
		"Env":        []string{"PATH=/usr/local/bin:/usr/bin:/bin"},
	}
	if len(img.Labels) > 0 {
		inner["Labels"] = img.Labels
	}
	return json.Marshal(map[string]any{
		"architecture": arch,
		"os":           "linux",
		"created":      created.UTC().Format(time.RFC3339),
		"config":       inner,
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
}

func (img Image) layer() ([]byte, error) {
	contents := map[string][]byte{}
	modes := map[string]int64{}
	for name, text := range etc {
		contents[name], modes[name] = []byte(text), 0o644
	}
	for mode, files := range map[int64]map[string]string{0o755: img.Files, 0o644: img.Documents} {
		for dst, src := range files {
			if !path.IsAbs(dst) {
				return nil, fmt.Errorf("path %q in the image must start with /", dst)
			}
			data, err := os.ReadFile(src)
			if err != nil {
				return nil, err
			}
			name := path.Clean(dst)[1:]
			contents[name], modes[name] = data, mode
		}
	}

	names := make([]string, 0, len(contents))
	for name := range contents {
		names = append(names, name)
	}
	sort.Strings(names)

	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	made := map[string]bool{}
	addDir(tw, made, "tmp", 0o1777)
	addDir(tw, made, "home/nonroot", 0o755)
	for _, name := range names {
		addDir(tw, made, path.Dir(name), 0o755)
		if err := addFile(tw, name, modes[name], contents[name]); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), tw.Close()
}

// addDir writes dir and its parents once. Errors stay in tw and come back from its next write.
func addDir(tw *tar.Writer, made map[string]bool, dir string, mode int64) {
	if dir == "." || dir == "/" || made[dir] {
		return
	}
	addDir(tw, made, path.Dir(dir), 0o755)
	made[dir] = true
	hdr := &tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: mode, Format: tar.FormatPAX}
	if dir == "home/nonroot" {
		hdr.Uid, hdr.Gid = 65532, 65532
	}
	_ = tw.WriteHeader(hdr)
}

func addFile(tw *tar.Writer, name string, mode int64, data []byte) error {
	hdr := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(data)), Format: tar.FormatPAX}
	if err := tw.WriteHeader(hdr); err != nil {
		return err
	}
	_, err := tw.Write(data)
	return err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
