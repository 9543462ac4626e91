package router_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/admin"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const realmDocument = `apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: REALM}
spec:
  clusterRef: {name: dev}
  realm: REALM
  anonymous: {role: guest}
  roles:
    - name: guest
      permissions:
        - {uri: "", match: prefix, allow: [ALLOW]}
---
`

const procedureDocument = `apiVersion: wamp-operator.io/v1alpha1
kind: WampProcedure
metadata: {name: whoami}
spec:
  clusterRef: {name: dev}
  realm: realm1
  uri: com.example.whoami
  invoke: INVOKE
  enforcement: ENFORCEMENT
---
`

func realmYAML(name, allow string) string {
	return strings.NewReplacer("REALM", name, "ALLOW", allow).Replace(realmDocument)
}

func procedureYAML(invoke, enforcement string) string {
	return strings.NewReplacer("INVOKE", invoke, "ENFORCEMENT", enforcement).Replace(procedureDocument)
}

// served is a folder of documents and the replica that serves it.
type served struct {
	t      *testing.T
	path   string
	router *router.Router
}

func serve(t *testing.T, content string) *served {
	t.Helper()
	s := &served{t: t, path: filepath.Join(t.TempDir(), "docs.yaml")}
	s.write(content)
	dev := start(t, 1, func(c *router.DevConfig) { c.Documents = []string{filepath.Dir(s.path)} })
	s.router = dev.Routers[0]
	return s
}

func (s *served) write(content string) {
	s.t.Helper()
	next := s.path + ".next"
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(next, s.path); err != nil {
		s.t.Fatal(err)
	}
}

// rewrite writes and waits until the replica has seen it.
func (s *served) rewrite(content string) {
	s.t.Helper()
	before := s.router.State().Documents
	s.write(content)
	eventually(s.t, "the new documents seen", func() bool { return s.router.State().Documents != before })
}

func (s *served) join(realm string) (*wamptest.Client, error) {
	s.t.Helper()
	return wamptest.TryJoin(s.t, rawsocket(s.router), realm, wamp.MessagePack)
}

const everything = "call, register, publish, subscribe"

func TestPermissionsHoldFromTheNextRequest(t *testing.T) {
	s := serve(t, realmYAML("realm1", everything))
	c, err := s.join("realm1")
	if err != nil {
		t.Fatal(err)
	}
	revoked := newInbox()
	c.On(wamp.Unregistered, revoked.put)
	add := func() {
		if _, err := c.Register(uri, nil, func(m *wamptest.Message) { c.Yield(m) }); err != nil {
			t.Fatal(err)
		}
	}
	add()
	if _, err := c.Call(uri); err != nil {
		t.Fatal(err)
	}
	s.rewrite(realmYAML("realm1", "subscribe"))
	revoked.next(t)
	refused := map[string]error{}
	_, refused["call"] = c.Call(uri)
	_, refused["register"] = c.Register("com.example.b", nil, nil)
	_, refused["publish"] = c.Publish(topic, nil)
	for action, err := range refused {
		if wamptest.URI(err) != wamp.ErrNotAuthorized || !strings.Contains(err.Error(), `the role "guest" may not `+action) {
			t.Errorf("%s: %v", action, err)
		}
	}
	if _, err := c.Subscribe(topic, func(*wamptest.Message) {}); err != nil {
		t.Errorf("subscribe: %v", err)
	}
	s.rewrite(realmYAML("realm1", everything))
	add()
	if _, err := c.Call(uri); err != nil {
		t.Errorf("call after the permission came back: %v", err)
	}
}

func TestRealmsComeAndGo(t *testing.T) {
	s := serve(t, realmYAML("realm1", everything))
	if _, err := s.join("realm2"); wamptest.URI(err) != wamp.ErrNoSuchRealm {
		t.Errorf("join before: %v", err)
	}
	s.rewrite(realmYAML("realm1", everything) + realmYAML("realm2", everything))
	stays, err := s.join("realm1")
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.join("realm2")
	if err != nil {
		t.Fatal(err)
	}
	s.rewrite(realmYAML("realm1", everything))
	if end := c.End(); end == nil || end.URI != wamp.CloseRealm {
		t.Errorf("the session of the realm that went: %+v", end)
	}
	if _, err := s.join("realm2"); wamptest.URI(err) != wamp.ErrNoSuchRealm {
		t.Errorf("join after: %v", err)
	}
	if _, err := stays.Publish(topic, nil); err != nil {
		t.Errorf("the other realm: %v", err)
	}
}

// A broken file keeps the last good one, and the state says which line is wrong.
func TestBrokenDocumentsKeepTheLastGoodOnes(t *testing.T) {
	good := realmYAML("realm1", everything)
	s := serve(t, good)
	hash := s.router.State().Documents.Hash
	for _, broken := range []struct{ content, says string }{
		{strings.Replace(good, "anonymous:", "anonymus:", 1), "docs.yaml:7: spec.anonymus: unknown field; did you mean anonymous?"},
		{good + "]\n", "docs.yaml:13: this is not YAML"},
		{good + good, "docs.yaml:13: realm realm1 is already declared"},
	} {
		s.rewrite(broken.content)
		state := s.router.State()
		if state.Documents.Hash != hash || !strings.Contains(state.Documents.Error, broken.says) || !state.Ready {
			t.Errorf("broken documents: %+v, ready %v, want %q", state.Documents, state.Ready, broken.says)
		}
		if _, err := s.join("realm1"); err != nil {
			t.Errorf("the last good documents are not served: %v", err)
		}
	}
	s.rewrite(good)
	if state := s.router.State(); state.Documents.Error != "" || state.Documents.Hash != hash {
		t.Errorf("mended documents: %+v", state.Documents)
	}
}

func TestDeclaredProcedure(t *testing.T) {
	s := serve(t, realmYAML("realm1", everything)+procedureYAML("roundrobin", "Require"))
	c, err := s.join("realm1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Register(uri, map[string]any{"invoke": "first"}, nil); wamptest.URI(err) != wamp.ErrInvocationPolicyMismatch {
		t.Errorf("REGISTER against the declaration: %v", err)
	}
	s.rewrite(realmYAML("realm1", everything) + procedureYAML("last", "Override"))
	if _, err := c.Register(uri, map[string]any{"invoke": "first"}, func(m *wamptest.Message) { c.Yield(m) }); err != nil {
		t.Errorf("REGISTER under Override: %v", err)
	}
	if invoke := s.router.Procedure(admin.ProcedureKey{Realm: "realm1", URI: uri}).Invoke; invoke != "last" {
		t.Errorf("invoke %s, want the declared last", invoke)
	}
}

func TestNobodyGetsInWithoutAnonymous(t *testing.T) {
	s := serve(t, strings.Replace(realmYAML("realm1", everything), "  anonymous: {role: guest}\n", "", 1))
	if _, err := s.join("realm1"); wamptest.URI(err) != wamp.ErrAuthenticationRequired {
		t.Errorf("join: %v", err)
	}
}
