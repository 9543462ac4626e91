package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const header = "apiVersion: wamp-operator.io/v1alpha1\nkind: RouterConfiguration\n"

func TestLoadRouter(t *testing.T) {
	t.Setenv("POD_NAME", "wamp-0")
	t.Setenv("POD_IP", "10.1.2.3")
	dir := t.TempDir()
	cfg, err := LoadRouter(write(t, dir, "router.yaml", header+"documents: [docs, /etc/abs]\ndrainTimeout: 3s\ncluster:\n  name: default/wamp\n"))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != ":8080" || cfg.Admin.Listen != ":9090" || cfg.DrainTimeout.Duration != 3*time.Second {
		t.Errorf("defaults: %+v", cfg)
	}
	if cfg.Cluster.Replica != "wamp-0" || cfg.Cluster.Advertise != "10.1.2.3" || cfg.Cluster.Links != ":7947" {
		t.Errorf("cluster: %+v", cfg.Cluster)
	}
	if cfg.Documents[0] != filepath.Join(dir, "docs") || cfg.Documents[1] != "/etc/abs" {
		t.Errorf("documents: %v", cfg.Documents)
	}
}

func TestRouterProblems(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"", "the file is empty"},
		{"kind: Router\n", `r.yaml:1: kind: "Router" is not the configuration of a router: write kind: RouterConfiguration`},
		{header + "listen: 8080\n", `r.yaml:3: listen: "8080" is not a text: write it in quotes`},
		{header + "listen: \"8080\"\n", "r.yaml:3: listen: \"8080\" is not valid: missing port in address: write host:port or :port"},
		{header + "tls: {certFile: a}\n", "r.yaml:3: tls: \"\" is not valid: both certFile and keyFile"},
		{header + "drainTimeout: soon\n", "r.yaml:3: drainTimeout: \"soon\" cannot be read"},
		{header + "cluster:\n  advertise: here\n", "r.yaml:4: cluster.advertise: \"here\" is not valid"},
		{header + "adminn: {}\n", "r.yaml:3: adminn: unknown field; did you mean admin?"},
	} {
		_, err := LoadRouter(write(t, t.TempDir(), "r.yaml", c.content))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q:\ngot  %v\nwant %s", c.content, err, c.want)
		}
	}
}

func TestReadKey(t *testing.T) {
	dir := t.TempDir()
	if key, err := ReadKey(write(t, dir, "key", "MDEyMzQ1Njc4OWFiY2RlZg==\n")); err != nil || len(key) != 16 {
		t.Errorf("good key: %d bytes, %v", len(key), err)
	}
	if _, err := ReadKey(write(t, dir, "short", "MDEy")); err == nil || !strings.Contains(err.Error(), "3 bytes") {
		t.Errorf("short key: %v", err)
	}
	if _, err := ReadKey(write(t, dir, "text", "hello world!")); err == nil || !strings.Contains(err.Error(), "base64") {
		t.Errorf("no base64: %v", err)
	}
}
