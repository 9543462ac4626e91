package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(ctx context.Context, out io.Writer, args ...string) error {
	cmd := command()
	cmd.SetArgs(args)
	cmd.SetOut(out)
	cmd.SetErr(out)
	return cmd.ExecuteContext(ctx)
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const realm = `apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: realm1}
spec:
  clusterRef: {name: wamp}
  realm: realm1
  anonymous: {role: guest}
  roles: [{name: guest}]
`

// What people get wrong is answered with what to write instead.
func TestMistakes(t *testing.T) {
	bad := file(t, "bad.yaml", strings.Replace(realm, "realm:", "relm:", 1))
	config := file(t, "router.yaml", "apiVersion: wamp-operator.io/v1alpha1\nkind: RouterConfiguration\nlisten: 8080\n")
	limits := file(t, "router.yaml", "apiVersion: wamp-operator.io/v1alpha1\nkind: RouterConfiguration\nlimits: {messageSize: 32Mi}\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"serve"}, "serve needs --config FILE"},
		{[]string{"serve", "--config", config}, `router.yaml:3: listen: "8080" is not a text: write it in quotes`},
		{[]string{"serve", "--config", "/none"}, "/none: cannot be read"},
		{[]string{"check"}, "check needs -f FILE"},
		{[]string{"check", "-f", bad}, "bad.yaml:6: spec.relm: unknown field; did you mean realm?"},
		{[]string{"dev", "-f", bad}, "bad.yaml:6: spec.relm: unknown field"},
		{[]string{"dev", "--listen", "8080"}, "write host:port"},
		{[]string{"dev", "--listen", "127.0.0.1:65530"}, "write a number from 0 to 65505"},
		{[]string{"dev", "--replicas", "0"}, "from 1 to 64"},
		{[]string{"dev", "--replicas", "65"}, "from 1 to 64"},
		{[]string{"start"}, "Did you mean this?\n\tserve"},
		{[]string{"serve", config}, "serve takes no arguments: write --config " + config},
		{[]string{"check", bad}, "check takes no arguments: write -f " + bad},
		{[]string{"credential", "scram"}, "scram needs the authid of one principal, for example: wamp-router credential scram alice"},
		{[]string{"dev", "--replicas", "x"}, `invalid argument "x" for "--replicas" flag: write a whole number from 1 to 64`},
		{[]string{"check", "--config", limits}, `router.yaml:3: limits.messageSize: "32Mi" is not valid: write a size from 1Ki to 16Mi`},
		{[]string{"dev", "--log-level", "loud"}, "write debug, info, warn or error"},
		{[]string{"dev", "--log-format", "xml"}, "write text or json"},
	} {
		if err := run(t.Context(), io.Discard, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.args, err, c.want)
		}
	}
}

// What is valid and lets nobody in, or nothing be registered, is spoken of.
func TestCheckWarns(t *testing.T) {
	nobody := file(t, "nobody.yaml", realm[:strings.Index(realm, "  anonymous")])
	procedure := file(t, "procedure.yaml", "apiVersion: wamp-operator.io/v1alpha1\nkind: WampProcedure\nmetadata: {name: add}\nspec: {clusterRef: {name: wamp}, realm: shop, uri: com.example.add}\n")
	for path, want := range map[string][]string{
		nobody:      {"warning: nobody can join realm realm1: write anonymous: {role: …}"},
		procedure:   {"warning: there is no WampRealm", "warning: no WampRealm among the documents has the realm shop: nobody can register procedure add"},
		t.TempDir(): {"warning: there is no WampRealm", "good: 0 realms"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), &out, "check", "-f", path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: no %q in %q", path, text, out.String())
			}
		}
	}
}

func TestCheck(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, "check", "-f", file(t, "good.yaml", realm)); err != nil || out.String() != "good: 1 realm, 0 procedures\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// In a pod, whose arguments are fixed, the environment says what is logged; a flag is stronger.
func TestLogFromTheEnvironment(t *testing.T) {
	t.Setenv("WAMP_LOG_LEVEL", "loud")
	t.Setenv("WAMP_LOG_FORMAT", "xml")
	for want, args := range map[string][]string{
		`WAMP_LOG_LEVEL "loud": write debug, info, warn or error`: {"dev"},
		`WAMP_LOG_FORMAT "xml": write text or json`:               {"dev", "--log-level", "debug"},
		"from 1 to 64": {"dev", "--log-level", "debug", "--log-format", "json", "--replicas", "0"},
	} {
		if err := run(t.Context(), io.Discard, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}

// A configuration is good when what it names can be used, and what it names twice is read once.
func TestCheckOpensWhatIsNamed(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	documents := write("realm.yaml", strings.Replace(realm, "spec:", "spec:\n  eventHistory: [{match: wildcard, uri: com.*.news}]", 1))
	const head = "apiVersion: wamp-operator.io/v1alpha1\nkind: RouterConfiguration\ndocuments: [realm.yaml]\n"
	good := write("router.cfg", head+"admin: {tokenFile: token}\nunixSocket: {path: wamp.sock}\ncluster: {name: demo, keyFile: key}\n")
	write("token", "open sesame")
	write("key", "MDEyMzQ1Njc4OWFiY2RlZg==")
	var out bytes.Buffer
	err := run(t.Context(), &out, "check", "-f", documents, "-f", folder, "--config", good)
	if err != nil || !strings.Contains(out.String(), "router.cfg is good\ngood: 1 realm") || !strings.Contains(out.String(), "for example com..news") {
		t.Errorf("%q, %v", out.String(), err)
	}
	for _, c := range []struct{ spec, want string }{
		{"tls: {certFile: none.pem, keyFile: none.key}", "none.pem: the certificate cannot be served"},
		{"tls: {certFile: token, keyFile: key, clientCAFile: key}", "the file holds no certificate"},
		{"admin: {tokenFile: none}", "none: cannot be read"},
		{"cluster: {name: demo, keyFile: token}", "the key is not base64"},
		{"unixSocket: {path: none/wamp.sock}", "the Unix socket cannot be made in this folder"},
	} {
		out.Reset()
		err := run(t.Context(), &out, "check", "--config", write("bad.cfg", head+c.spec+"\n"))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(out.String(), "good") {
			t.Errorf("%s: %q, %v", c.spec, out.String(), err)
		}
	}
}

// lines is an output that can be waited for.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

func TestDevServesAndStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out lines
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, &out, "dev", "--listen", "127.0.0.1:0", "--replicas", "2") }()
	eventually(t, "the introduction", func() bool { return strings.Contains(out.String(), "Ctrl-C stops") })
	for _, word := range strings.Fields(out.String()) {
		if strings.HasPrefix(word, "ws://127") && strings.HasSuffix(word, "/ws") || strings.HasPrefix(word, "tcp://127") {
			conn, err := transport.Dial(ctx, word, wamp.JSON)
			if err != nil {
				t.Errorf("%s: %v", word, err)
				continue
			}
			conn.Abort()
			<-conn.Done()
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A replica that is told to stop ends without an error, as Kubernetes wants it.
func TestServeStopsWithoutError(t *testing.T) {
	admin := "127.0.0.1:" + freePort(t)
	config := file(t, "router.yaml", fmt.Sprintf(`apiVersion: wamp-operator.io/v1alpha1
kind: RouterConfiguration
listen: 127.0.0.1:0
admin: {listen: %q}
documents: [%q]
drainTimeout: 1s
`, admin, file(t, "realm.yaml", realm)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, io.Discard, "serve", "--config", config, "--log-level", "error") }()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	eventually(t, "ready", func() bool {
		response, err := client.Get("http://" + admin + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
