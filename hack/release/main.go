// Command release makes all that a release consists of, in a folder, and pushes nothing.
//
//	release -version v1.2.3 -out dist -helm HELM -kubectl KUBECTL
//
// The folder gets an OCI archive of each image for all architectures, kubectl-wamp for the machines that
// people have, the packaged chart, crds.yaml and install.yaml for kubectl, a CycloneDX list of what each program is built from, the licenses of that,
// the images' digests, and SHA256SUMS. The same commit gives the same bytes, with the same Go and helm.
package main

import (
	"debug/buildinfo"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// repository is where the images of releases are.
const repository = "ghcr.io/wamp-operator"

// plugin is the program for people's own machines; the others are in images.
const plugin = "kubectl-wamp"

var (
	imaged        = []string{"wamp-operator", "wamp-router"}
	programs      = append(slices.Clone(imaged), plugin)
	architectures = []string{"amd64", "arm64"}
)

// systems are those that a program is built for.
func systems(program string) []string {
	if program == plugin {
		return []string{"linux", "darwin", "windows"}
	}
	return []string{"linux"}
}

// release is what is made, and where.
type release struct {
	version  string // without v, as images and charts have it
	revision string // of the commit
	created  time.Time
	out      string
	temp     string // for what is not part of it
	helm     string
	kubectl  string
}

func main() {
	var r release
	version := flag.String("version", "", "version to release, such as v1.2.3 (required)")
	flag.StringVar(&r.out, "out", "dist", "folder for the release; what is in it is removed")
	flag.StringVar(&r.helm, "helm", "helm", "the helm program")
	flag.StringVar(&r.kubectl, "kubectl", "kubectl", "the kubectl program")
	flag.Parse()
	if err := r.make(*version); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

var semantic = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

func (r *release) make(version string) error {
	if !semantic.MatchString(version) {
		return fmt.Errorf("version %q: write one such as v1.2.3 or v1.2.3-rc.1", version)
	}
	r.version = version[1:]
	if err := r.commit(); err != nil {
		return err
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	var err error
	if r.temp, err = os.MkdirTemp("", "release-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(r.temp) }()
	for _, step := range []func() error{r.binaries, r.bills, r.licenses, r.images, r.archives, r.chart, r.manifests, r.sums} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// commit reads which commit this is. Changes that are in no commit cannot be made again by anybody.
func (r *release) commit() error {
	changed, err := output("git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("there are changes that are not committed; a release is made of a commit:\n%s", changed)
	}
	said, err := output("git", "log", "-1", "--format=%H %ct")
	if err != nil {
		return err
	}
	revision, seconds, _ := strings.Cut(said, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return err
	}
	r.revision, r.created = revision, time.Unix(unix, 0).UTC()
	return nil
}

// binaries builds every program for every system and architecture.
func (r *release) binaries() error {
	for _, program := range programs {
		for _, system := range systems(program) {
			for _, arch := range architectures {
				cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.version=v"+r.version, "-o", r.binary(program, system, arch), "./cmd/"+program)
				// What a shell exports must not be in a release, nor which tags a checkout happens to have.
				cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=")
				cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
				if err := cmd.Run(); err != nil {
					return fmt.Errorf("building %s for %s/%s: %w", program, system, arch, err)
				}
			}
		}
	}
	return nil
}

func (r *release) binary(program, system, arch string) string {
	return filepath.Join(r.temp, "bin", system, arch, program)
}

// built reads what each binary of a program is built from.
func (r *release) built(program string) (infos []*debug.BuildInfo, err error) {
	for _, system := range systems(program) {
		for _, arch := range architectures {
			info, err := buildinfo.ReadFile(r.binary(program, system, arch))
			if err != nil {
				return nil, err
			}
			infos = append(infos, info)
		}
	}
	return infos, nil
}

// output runs a program and gives what it prints, without the line's end.
func output(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
