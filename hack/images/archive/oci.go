package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
)

// Media types of the OCI image specification.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// WriteOCI writes the images, one for each architecture, as an OCI image layout in a tar, and gives the
// digest of the index that has them all: what REPO@sha256:… names once they are in a registry.
func WriteOCI(w io.Writer, images []Image) (string, error) {
	tw := tar.NewWriter(w)
	if err := addFile(tw, "oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return "", err
	}
	written := map[string]bool{}
	blob := func(mediaType string, data []byte) (descriptor, error) {
		d := descriptor{MediaType: mediaType, Digest: "sha256:" + digest(data), Size: len(data)}
		if written[d.Digest] {
			return d, nil
		}
		written[d.Digest] = true
		return d, addFile(tw, "blobs/sha256/"+digest(data), 0o644, data)
	}
	document := func(mediaType string, content any) (descriptor, error) {
		data, err := json.Marshal(content)
		if err != nil {
			return descriptor{}, err
		}
		return blob(mediaType, data)
	}

	var manifests []descriptor
	for _, img := range images {
		d, err := img.manifest(blob, document)
		if err != nil {
			return "", fmt.Errorf("image %s for %s: %w", img.Ref, img.Arch, err)
		}
		manifests = append(manifests, d)
	}
	index, err := document(typeIndex, map[string]any{
		"schemaVersion": 2, "mediaType": typeIndex, "manifests": manifests, "annotations": images[0].Labels,
	})
	if err != nil {
		return "", err
	}
	// The first is what skopeo and crane look for, the second is containerd's.
	index.Annotations = map[string]string{"org.opencontainers.image.ref.name": images[0].Ref, "io.containerd.image.name": images[0].Ref}
	entry, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": []descriptor{index}})
	if err != nil {
		return "", err
	}
	if err := addFile(tw, "index.json", 0o644, entry); err != nil {
		return "", err
	}
	return index.Digest, tw.Close()
}

// manifest writes the blobs of one architecture.
func (img Image) manifest(blob func(string, []byte) (descriptor, error), document func(string, any) (descriptor, error)) (descriptor, error) {
	layer, err := img.layer()
	if err != nil {
		return descriptor{}, err
	}
	config, err := img.config(layer)
	if err != nil {
		return descriptor{}, err
	}
	configured, err := blob(typeConfig, config)
	if err != nil {
		return descriptor{}, err
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(layer); err != nil {
		return descriptor{}, err
	}
	if err := zip.Close(); err != nil {
		return descriptor{}, err
	}
	layered, err := blob(typeLayer, packed.Bytes())
	if err != nil {
		return descriptor{}, err
	}
	d, err := document(typeManifest, map[string]any{
		"schemaVersion": 2, "mediaType": typeManifest, "config": configured, "layers": []descriptor{layered}, "annotations": img.Labels,
	})
	d.Platform = &platform{Architecture: img.Arch, OS: "linux"}
	return d, err
}
