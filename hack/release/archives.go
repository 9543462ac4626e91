package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"time"
)

// archives writes kubectl-wamp_SYSTEM_ARCHITECTURE.tar.gz with the program and its licenses.
func (r *release) archives() error {
	for _, system := range systems(plugin) {
		for _, arch := range architectures {
			name := plugin
			if system == "windows" {
				name += ".exe"
			}
			data, err := packed(r.created,
				member{name, r.binary(plugin, system, arch), 0o755},
				member{"LICENSE", "LICENSE", 0o644},
				member{licensesFile, filepath.Join(r.out, licensesFile), 0o644})
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(r.out, plugin+"_"+system+"_"+arch+".tar.gz"), data, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// member is a file of an archive, by the name that it has there.
type member struct {
	name, source string
	mode         int64
}

// packed makes an archive that is the same whoever makes it, and when.
func packed(created time.Time, members ...member) ([]byte, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	for _, m := range members {
		data, err := os.ReadFile(m.source)
		if err != nil {
			return nil, err
		}
		if err := archive.WriteHeader(&tar.Header{Name: m.name, Mode: m.mode, Size: int64(len(data)), ModTime: created, Format: tar.FormatUSTAR}); err != nil {
			return nil, err
		}
		if _, err := archive.Write(data); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
