package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// chart packages the chart with the release's version.
func (r *release) chart() error {
	if _, err := output(r.helm, "package", "charts/wamp-operator", "--version", r.version, "--app-version", r.version, "--destination", r.temp); err != nil {
		return err
	}
	name := "wamp-operator-" + r.version + ".tgz"
	packed, err := os.ReadFile(filepath.Join(r.temp, name))
	if err != nil {
		return err
	}
	// helm writes the hour into it.
	if packed, err = timeless(packed, r.created); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(r.out, name), packed, 0o644)
}

// timeless packs the files of an archive anew, in the order of their names and with one time.
func timeless(packed []byte, at time.Time) ([]byte, error) {
	unzip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	type file struct {
		name string
		data []byte
	}
	var files []file
	for in := tar.NewReader(unzip); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		files = append(files, file{header.Name, data})
	}
	// Chart.yaml comes first: helm and registries read no further to know the chart.
	slices.SortFunc(files, func(a, b file) int {
		if first := strings.HasSuffix(a.name, "/Chart.yaml"); first != strings.HasSuffix(b.name, "/Chart.yaml") {
			if first {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	tw := tar.NewWriter(zip)
	for _, f := range files {
		if err := tw.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data)), ModTime: at, Format: tar.FormatPAX}); err != nil {
			return nil, err
		}
		if _, err := tw.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// imageTag finds the images of the project and their tags in manifests.
var imageTag = regexp.MustCompile(regexp.QuoteMeta(repository) + `/(wamp-operator|wamp-router):[0-9A-Za-z._-]+`)

// manifests writes what is there for kubectl: crds.yaml, and install.yaml with those as well.
func (r *release) manifests() error {
	for name, folder := range map[string]string{"crds.yaml": "config/crd", "install.yaml": "config/default"} {
		text, err := output(r.kubectl, "kustomize", folder)
		if err != nil {
			return err
		}
		text = imageTag.ReplaceAllString(text, repository+"/$1:"+r.version)
		if err := os.WriteFile(filepath.Join(r.out, name), []byte(text+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sums writes SHA256SUMS, which sha256sum -c reads.
func (r *release) sums() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
