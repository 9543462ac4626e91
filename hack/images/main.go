// Command images builds container images from Go programs or finished static binaries, without
// Docker and without a registry.
//
//	images -out DIR [-repo ghcr.io/wamp-operator] [-tag dev] NAME=SOURCE[,SOURCE...]...
//
// Each NAME becomes DIR/NAME.tar, an archive of REPO/NAME:TAG for `ctr images import` or
// `docker load`. A SOURCE is a directory with a main package, built with cgo off by the module
// that the directory belongs to, or a static binary. It lands in /usr/local/bin under its own
// base name; the first one is the entrypoint.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/wamp-operator/wamp-operator/hack/images/archive"
)

func main() {
	out := flag.String("out", "", "directory for the archives (required)")
	repo := flag.String("repo", "ghcr.io/wamp-operator", "prefix of the image names")
	tag := flag.String("tag", "dev", "tag of the image names")
	version := flag.String("version", "", "version that the programs tell (main.version); what Go knows of the source when empty")
	flag.Parse()
	if *out == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: images -out DIR [-repo PREFIX] [-tag TAG] [-version VERSION] NAME=SOURCE[,SOURCE...]...")
		os.Exit(2)
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
	for _, arg := range flag.Args() {
		if err := build(*out, *repo, *tag, *version, arg); err != nil {
			fmt.Fprintln(os.Stderr, "images:", err)
			os.Exit(1)
		}
	}
}

func build(out, repo, tag, version, arg string) error {
	name, sources, ok := strings.Cut(arg, "=")
	if !ok || name == "" || sources == "" {
		return fmt.Errorf("argument %q: write NAME=SOURCE, such as wamp-router=./cmd/wamp-router", arg)
	}
	img := archive.Image{Ref: repo + "/" + name + ":" + tag, Files: map[string]string{}}
	for _, src := range strings.Split(sources, ",") {
		bin, err := binary(filepath.Join(out, "bin"), src, version)
		if err != nil {
			return fmt.Errorf("image %s: %w", name, err)
		}
		dst := "/usr/local/bin/" + filepath.Base(bin)
		img.Files[dst] = bin
		if img.Entrypoint == nil {
			img.Entrypoint = []string{dst}
		}
	}

	// A reader that runs at the same time must see the old archive or the new one, not half.
	file := filepath.Join(out, name+".tar")
	tmp, err := os.CreateTemp(out, name+".*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if err := archive.Write(tmp, img); err != nil {
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return err
	}
	fmt.Printf("%s  %s\n", img.Ref, file)
	return nil
}

// binary returns the path of a static binary for source, compiling it when source is a directory.
func binary(binDir, source, version string) (string, error) {
	info, err := os.Stat(source)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return source, nil
	}
	abs, err := filepath.Abs(source)
	if err != nil {
		return "", err
	}
	bin, err := filepath.Abs(filepath.Join(binDir, filepath.Base(abs)))
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags="+strings.TrimSpace("-s -w "+stamp(version)), "-o", bin, ".")
	cmd.Dir = abs
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("building %s: %w", source, err)
	}
	return bin, nil
}

// stamp is the linker's flag for a version.
func stamp(version string) string {
	if version == "" {
		return ""
	}
	return "-X main.version=" + version
}
