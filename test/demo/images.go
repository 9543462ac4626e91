package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// Images are the three images of the demonstration: operator, routers, and the WAMP application.
type Images struct {
	// Repository is the prefix of their names; the chart's own when empty.
	Repository string
	// Dir is where the archives are written.
	Dir string

	tag    string
	digest string // of all archives: changes when a program did
}

const chartRepository = "ghcr.io/wamp-operator"

// imageSources are arguments of hack/images, imageNames the names in them.
var imageSources = []string{"wamp-operator=./cmd/wamp-operator", "wamp-router=./cmd/wamp-router", "wamp-demo=./test/cmd/wamp-demo"}

var imageNames = []string{"wamp-operator", "wamp-router", "wamp-demo"}

func (i *Images) repository() string {
	if i.Repository == "" {
		return chartRepository
	}
	return i.Repository
}

// Router is the image of the routers, under the tag that the chart asks for.
func (i *Images) Router() string { return i.ref("wamp-router") }

func (i *Images) ref(name string) string     { return i.repository() + "/" + name + ":" + i.tag }
func (i *Images) archive(name string) string { return filepath.Join(i.Dir, name+".tar") }

// values are what helm has to be told: nothing for images with the names that the chart expects.
func (i *Images) values() (helmArgs []string) {
	if i.repository() == chartRepository {
		return nil
	}
	return []string{"--set", "image.repository=" + i.repository() + "/wamp-operator", "--set", "router.image.repository=" + i.repository() + "/wamp-router"}
}

var appVersion = regexp.MustCompile(`(?m)^appVersion:\s*"?([^"\s]+)`)

// Build makes the archives under the tag that the chart asks for when it is given no values.
func (i *Images) Build(ctx context.Context, c *Cluster, progress io.Writer) error {
	chart, err := os.ReadFile(filepath.Join(c.Repo, "charts/wamp-operator/Chart.yaml"))
	if err != nil {
		return err
	}
	version := appVersion.FindSubmatch(chart)
	if version == nil {
		return fmt.Errorf("charts/wamp-operator/Chart.yaml has no appVersion")
	}
	i.tag = string(version[1])
	build := c.Command(ctx, "go", append([]string{"run", "./hack/images", "-out", i.Dir, "-repo", i.repository(), "-tag", i.tag}, imageSources...)...)
	build.Stdout, build.Stderr = io.Discard, progress
	if err := build.Run(); err != nil {
		return fmt.Errorf("building images: %w", err)
	}
	sum := sha256.New()
	for _, name := range imageNames {
		f, err := os.Open(i.archive(name))
		if err != nil {
			return err
		}
		_, err = io.Copy(sum, f)
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	i.digest = hex.EncodeToString(sum.Sum(nil))[:16]
	return nil
}

// BuildRouter makes an archive of the routers' image under another tag.
func (i *Images) BuildRouter(ctx context.Context, c *Cluster, tag string) (ref, archive string, err error) {
	dir := filepath.Join(i.Dir, tag)
	build := c.Command(ctx, "go", "run", "./hack/images", "-out", dir, "-repo", i.repository(), "-tag", tag, "wamp-router=./cmd/wamp-router")
	if _, err := c.run(build); err != nil {
		return "", "", fmt.Errorf("building the router's image as %s: %w", tag, err)
	}
	return i.repository() + "/wamp-router:" + tag, filepath.Join(dir, "wamp-router.tar"), nil
}

// Load gives the images to the nodes of the local cluster.
func (i *Images) Load(ctx context.Context, c *Cluster, progress io.Writer) error {
	args := []string{"load"}
	for _, name := range imageNames {
		args = append(args, i.archive(name))
	}
	load := c.Command(ctx, c.Tool, args...)
	load.Stdout, load.Stderr = io.Discard, progress
	if err := load.Run(); err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	return nil
}
