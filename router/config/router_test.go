package config

import (
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/transport"
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
		{header + "limits: {messageSize: 32Mi}\n", `r.yaml:3: limits.messageSize: "32Mi" is not valid: write a size from 1Ki to 16Mi`},
		{header + "limits: {messageSize: big}\n", `r.yaml:3: limits.messageSize: "big" cannot be read`},
		{header + "limits:\n  connections: 5\n  callsInFlight: -1\n", `r.yaml:5: limits.callsInFlight: "-1" is not valid: write a number from 0, for no limit, to 10000000`},
		{header + "limits: {outboundSoft: 2Mi, outboundHard: 1Mi}\n", `limits.outboundHard: "1Mi" is not valid: it must not be below outboundSoft, which is 2Mi`},
		{header + "limits: {outboundHard: 8Mi}\n", `limits.outboundHard: "8Mi" is not valid: it must not be below messageSize, which is 16Mi`},
		{header + "limits: {handshakeTimeout: 1h}\n", `limits.handshakeTimeout: "1h0m0s" is not valid: write a time from 100ms to 5m, for example 10s`},
		{header + "limits: {keepAlive: 1ms}\n", `limits.keepAlive: "1ms" is not valid: write a time from 1s to 1h`},
		{header + "limits: {messageBurst: 5}\n", "limits.messageBurst: \"5\" is not valid: without messagesPerSecond it limits nothing"},
		{header + "limits: {mesageSize: 1Ki}\n", "limits.mesageSize: unknown field; did you mean messageSize?"},
		{header + "tls: {certFile: a, keyFile: b, clientAuth: Require}\n", `tls.clientAuth: "Require" is not valid: clientCAFile is needed too`},
		{header + "tls: {certFile: a, keyFile: b, clientAuth: yes please}\n", `tls.clientAuth: "yes please" is not valid: write None, Request or Require`},
		{header + "unixSocket: {mode: \"0888\"}\n", `unixSocket.mode: "0888" is not valid: write the mode of the file in octal`},
		{header + "unixSocket: {mode: \"0666\"}\n", `unixSocket.path: "" is not valid: write the path`},
		{header + "proxyProtocol: {trustedSources: [10.0.0.0/8, lb]}\n", `proxyProtocol.trustedSources[1]: "lb" is not valid: write a network or an address`},
		{header + "proxyProtocol: {}\n", `proxyProtocol.trustedSources: "" is not valid: write the networks`},
		{header + "webSocket: {allowedOrigins: [example.com]}\n", `webSocket.allowedOrigins[0]: "example.com" is not valid: not an origin: write scheme://host`},
		{header + "webSocket: {compression: {level: 12}}\n", `webSocket.compression.level: "12" is not valid: write a number from 1 (fast) to 9 (small)`},
		{header + "longPoll: {path: poll}\n", `longPoll.path: "poll" is not valid: write a path that begins with a slash`},
		{header + "longPoll: {pollTimeout: 1ms}\n", `longPoll.pollTimeout: "1ms" is not valid: write a time from 1s to 5m`},
		{header + "adminn: {}\n", "r.yaml:3: adminn: unknown field; did you mean admin?"},
	} {
		_, err := LoadRouter(write(t, t.TempDir(), "r.yaml", c.content))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q:\ngot  %v\nwant %s", c.content, err, c.want)
		}
	}
}

// Errors name file and line, and repeat no key.
func TestReadKeys(t *testing.T) {
	dir := t.TempDir()
	if keys, err := ReadKeys(write(t, dir, "key", "MDEyMzQ1Njc4OWFiY2RlZg==\n# the old one\nZmVkY2JhOTg3NjU0MzIxMA==\n")); err != nil || len(keys) != 2 || len(keys[0]) != 16 {
		t.Errorf("good keys: %q, %v", keys, err)
	}
	if _, err := ReadKeys(write(t, dir, "short", "\nMDEy")); err == nil || !strings.Contains(err.Error(), "short:2: the key has 3 bytes") || strings.Contains(err.Error(), "MDEy") {
		t.Errorf("short key: %v", err)
	}
	if _, err := ReadKeys(filepath.Join(dir, "missing")); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("missing file: %v", err)
	}
}

// What a configuration says arrives at the transports, and what it does not say has a default there.
func TestTransportOfConfiguration(t *testing.T) {
	cfg, err := LoadRouter(write(t, t.TempDir(), "r.yaml", header+`
unixSocket: {path: router.sock}
proxyProtocol: {trustedSources: [10.1.2.3/8, "::1"]}
webSocket:
  allowedOrigins: [https://app.example.com]
  compression: {}
longPoll: {path: /lp}
limits: {messageSize: 64Ki, connections: 7, keepAlive: 0s, messagesPerSecond: 100}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := Transport(cfg)
	want := transport.Config{
		MaxMessage: 64 << 10, SoftLimit: 1 << 20, HardLimit: 64 << 20, HandshakeTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, KeepAlive: -1, MaxConnections: 7, MessageRate: 100, MessageBurst: 100,
		Origins:     []string{"https://app.example.com"},
		Compression: &transport.Compression{Level: 1, MinSize: 256},
		LongPoll:    &transport.LongPollConfig{Path: "/lp", PollTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second},
		Proxies:     []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !filepath.IsAbs(cfg.UnixSocket.Path) || cfg.UnixSocket.Mode != "0660" || *cfg.Limits.CallsInFlight == 0 {
		t.Errorf("%+v, %+v", cfg.UnixSocket, cfg.Limits)
	}
	before := cfg.DeepCopy()
	if DefaultRouter(cfg); !reflect.DeepEqual(cfg, before) {
		t.Error("filling in the defaults again changes something")
	}
}
