package demo

import (
	"context"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/wamp-operator/wamp-operator/hack/images/archive"
)

// What is pushed is what hack/images built, under the name that the chart is given.
func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	images := &Images{Dir: t.TempDir(), Repository: strings.TrimPrefix(server.URL, "http://") + "/wamp", tag: "1.2.3"}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range imageNames {
		f, err := os.Create(images.archive(image))
		if err != nil {
			t.Fatal(err)
		}
		if err := archive.Write(f, archive.Image{Ref: images.ref(image), Files: map[string]string{"/program": self}, Entrypoint: []string{"/program"}}); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := images.Push(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, image := range imageNames {
		ref, err := name.NewTag(images.ref(image))
		if err != nil {
			t.Fatal(err)
		}
		pulled, err := remote.Image(ref)
		if err != nil {
			t.Fatal(err)
		}
		config, err := pulled.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if len(config.Config.Entrypoint) != 1 || config.Config.User != archive.NonRoot {
			t.Errorf("%s: entrypoint %v, user %q", ref, config.Config.Entrypoint, config.Config.User)
		}
	}
	if got := strings.Join(images.values(), " "); !strings.Contains(got, "router.image.repository="+images.Repository+"/wamp-router") {
		t.Errorf("the chart is given %s", got)
	}
}
