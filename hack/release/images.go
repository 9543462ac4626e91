package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/hack/images/archive"
)

// images writes an OCI archive of each image, and IMAGES with their names and digests.
func (r *release) images() error {
	var names strings.Builder
	for _, program := range imaged {
		var images []archive.Image
		for _, arch := range architectures {
			in := "/usr/local/bin/" + program
			images = append(images, archive.Image{
				Ref: repository + "/" + program + ":" + r.version, Arch: arch, Created: r.created,
				Files: map[string]string{in: r.binary(program, "linux", arch)}, Entrypoint: []string{in},
				Documents: map[string]string{
					"/usr/share/doc/wamp-operator/LICENSE":         "LICENSE",
					"/usr/share/doc/wamp-operator/" + licensesFile: filepath.Join(r.out, licensesFile),
				},
				Labels: map[string]string{
					"org.opencontainers.image.title":    program,
					"org.opencontainers.image.version":  r.version,
					"org.opencontainers.image.revision": r.revision,
					"org.opencontainers.image.created":  r.created.Format(time.RFC3339),
					"org.opencontainers.image.source":   "https://github.com/wamp-operator/wamp-operator",
					"org.opencontainers.image.licenses": "Apache-2.0",
				},
			})
		}
		file, err := os.Create(filepath.Join(r.out, program+".oci.tar"))
		if err != nil {
			return err
		}
		digest, err := archive.WriteOCI(file, images)
		if err == nil {
			err = file.Close()
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(&names, "%s@%s\n", images[0].Ref, digest)
	}
	fmt.Print(names.String())
	return os.WriteFile(filepath.Join(r.out, "IMAGES"), []byte(names.String()), 0o644)
}
