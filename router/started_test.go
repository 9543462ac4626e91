package router_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
)

// What a router tells of itself when it starts is what whoever runs it has to know: that the
// administration port is open to others, that nobody can join yet, and which port is taken.
func TestWhatARouterTellsWhenItStarts(t *testing.T) {
	const open, nobody = "asks for no token", "nobody can join until they are mended"
	folder := t.TempDir()
	for _, c := range []struct {
		admin, document string
		open, nobody    bool
	}{
		{"127.0.0.1:0", realmYAML("realm1", everything), false, false},
		{"0.0.0.0:0", realmYAML("realm1", everything), true, false},
		{"127.0.0.1:0", "kind: Nothing\n", false, true},
	} {
		(&served{t: t, path: filepath.Join(folder, "docs.yaml")}).write(c.document)
		var log lockedBuffer
		r, err := router.Start(router.Config{
			Configuration: &v1alpha1.RouterConfiguration{
				Listen: "127.0.0.1:0", Admin: v1alpha1.RouterAdmin{Listen: c.admin}, Documents: []string{folder},
			},
			Version: "test", Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the documents looked at", func() bool {
			d := r.State().Documents
			return d.Hash != "" || d.Error != ""
		})
		if said := log.String(); strings.Contains(said, open) != c.open || strings.Contains(said, nobody) != c.nobody {
			t.Errorf("%+v: it says %s", c, said)
		}
		_, err = router.Start(router.Config{
			Configuration: &v1alpha1.RouterConfiguration{Listen: r.Address(), Admin: v1alpha1.RouterAdmin{Listen: "127.0.0.1:0"}},
			Version:       "test", Logger: logger(),
		})
		if err == nil || !strings.Contains(err.Error(), "listening for clients (listen): ") {
			t.Errorf("a port that is taken: %v", err)
		}
		r.Close()
	}
}
