package e2e

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/app"
	"github.com/wamp-operator/wamp-operator/test/demo"
)

// principals lets people in by what is in a Secret, changes it, and takes it away.
func principals(t *testing.T, ctx context.Context, d *bench) {
	d.Step("A realm for people who prove who they are")
	kubectl := func(args ...string) string {
		t.Helper()
		said, err := d.Cluster.Kubectl(ctx, append(args, "-n", demo.Namespace)...)
		must(t, err)
		return said
	}
	kubectl("apply", "-f", "config/samples/people")
	t.Cleanup(func() { // the demonstration waits for every procedure that there is
		_, err := d.Cluster.Kubectl(context.WithoutCancel(ctx), "delete", "-f", "config/samples/people", "-n", demo.Namespace, "--timeout=30s")
		must(t, err)
	})
	kubectl("wait", "--for=condition=Ready", "--timeout=60s", "wamprealm/people")
	d.Good("config/samples/people is served")

	login := func(router, authid, method, secret string) *app.Welcome {
		t.Helper()
		welcome, err := d.TryLogin(ctx, router, app.Login{Realm: "com.example.people", AuthID: authid, Method: method, Secret: secret})
		must(t, err)
		return welcome
	}
	admitted := func(w *app.Welcome, authid string) bool {
		return w.Refused == "" && w.AuthID == authid && w.Role == "reader"
	}
	for _, c := range []struct{ router, authid, method, secret string }{
		{"demo-0", "alice", "ticket", "open sesame"},
		{"demo-1", "bob", "wampcra", "a riddle in the dark"},
		{"demo-2", "alice", "ticket", "open sesame"},
	} {
		if w := login(c.router, c.authid, c.method, c.secret); !admitted(w, c.authid) {
			t.Errorf("%s joins by %s at %s: %+v", c.authid, c.method, c.router, w)
		}
		if w := login(c.router, c.authid, c.method, "open barley"); w.Refused != "these credentials are not accepted" {
			t.Errorf("%s joins by %s at %s with a wrong secret: %+v", c.authid, c.method, c.router, w)
		}
	}
	d.Good("the right secrets are taken and wrong ones refused, at every router")

	before := d.main().lives(t, ctx)
	patch := func(value string) {
		t.Helper()
		kubectl("patch", "secret", "people", "--type=merge", "-p", `{"data":{"alice":`+value+`}}`)
	}
	begin := time.Now()
	patch(`"` + base64.StdEncoding.EncodeToString([]byte("open barley")) + `"`)
	for _, router := range []string{"demo-0", "demo-1", "demo-2"} {
		for !admitted(login(router, "alice", "ticket", "open barley"), "alice") {
			if time.Since(begin) > time.Minute {
				t.Fatalf("a minute after the Secret was changed %s does not take the new one", router)
			}
		}
		if w := login(router, "alice", "ticket", "open sesame"); w.Refused == "" {
			t.Errorf("%s still takes the old secret", router)
		}
	}
	took := time.Since(begin)
	d.took(t, secretTime, took)
	d.figure(t, secretRestarts, restarted(before, d.main().lives(t, ctx)))

	patch("null")
	kubectl("wait", "--for=condition=ResolvedRefs=false", "--timeout=10s", "wamprealm/people")
	says := kubectl("get", "wamprealm", "people", "-o", `jsonpath={.status.conditions[?(@.type=="ResolvedRefs")].message}`)
	if !strings.Contains(says, "the Secret "+demo.Namespace+"/people has no key alice: add it.") {
		t.Errorf("a missing key is told as %q", says)
	}
	if w := login("demo-0", "bob", "wampcra", "a riddle in the dark"); !admitted(w, "bob") {
		t.Errorf("without alice's secret bob cannot join: %+v", w)
	}
	d.Good("kubectl says what is missing: %s", says)
}
