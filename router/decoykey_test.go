package router

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/auth"
)

// A key that cannot be read does not make decoys that anybody can work out, and the log says so.
func TestUnreadableKeyMakesNoPredictableDecoys(t *testing.T) {
	var log bytes.Buffer
	path := filepath.Join(t.TempDir(), "key")
	r := &Router{log: slog.New(slog.NewTextHandler(&log, nil)), cfg: Config{Configuration: &v1alpha1.RouterConfiguration{
		Cluster: &v1alpha1.RouterClusterConfiguration{KeyFile: path},
	}}}
	if key := r.decoyKey(); !bytes.Equal(key, auth.ProcessKey()) || !strings.Contains(log.String(), "cannot be read") {
		t.Errorf("a key of %d bytes; the log: %s", len(key), log.String())
	}
	want := []byte("0123456789abcdef")
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(want)), 0o600); err != nil {
		t.Fatal(err)
	}
	if key := r.decoyKey(); !bytes.Equal(key, want) {
		t.Errorf("the key is %x", key)
	}
}
