package router_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// disclosingYAML is a realm in which those who call and publish under com.example. are named, or not.
func disclosingYAML(disclose string) string {
	return fmt.Sprintf(`apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: realm1}
spec:
  clusterRef: {name: dev}
  realm: realm1
  anonymous: {role: guest}
  roles:
    - name: guest
      trustLevel: 3
      permissions:
        - {uri: "", match: prefix, allow: [call, register, publish, subscribe]}
        - {uri: com.example., match: prefix, allow: [call, register, publish, subscribe], disclose: %s}
        - {uri: com.example.asked., match: prefix, allow: [call, register, publish, subscribe, disclose]}
`, disclose)
}

// named tells whether details name a client, and fails when they do so in part only.
func named(t *testing.T, details map[string]any, key string, c *wamptest.Client) bool {
	t.Helper()
	if details["trustlevel"] != int64(3) {
		t.Errorf("no trust level in %v", details)
	}
	_, id := details[key]
	_, authid := details[key+"_authid"]
	_, role := details[key+"_authrole"]
	if !id && !authid && !role {
		return false
	}
	if details[key] != int64(c.ID) || details[key+"_authid"] != c.Welcome["authid"] || details[key+"_authrole"] != "guest" {
		t.Errorf("%v does not name %d", details, c.ID)
	}
	return true
}

// A realm can have callers and publishers named whether they ask for it, ask not to be, or are of a library
// that cannot ask; from the next request on, and wherever the callees and subscribers are.
func TestAlwaysDisclosed(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) {
			documents := &served{t: t, path: filepath.Join(t.TempDir(), "docs.yaml")}
			documents.write(disclosingYAML("Always"))
			dev := start(t, replicas, func(c *router.DevConfig) { c.Documents = []string{filepath.Dir(documents.path)} })
			client, callee := join(t, dev, 0), join(t, dev, 1)
			calls := newInbox()
			for uri, options := range map[string]map[string]any{
				"com.example.add": nil, "com.example.asked.add": nil, "com.other.add": nil,
				"com.example.p.": {"match": "prefix"}, "com.example..w": {"match": "wildcard"},
			} {
				if _, err := callee.Register(uri, options, func(m *wamptest.Message) {
					calls.put(m)
					callee.Yield(m)
				}); err != nil {
					t.Fatal(err)
				}
			}
			events := callee.Listen("com.", byPrefix)
			check := func(uri string, options map[string]any, want bool) {
				t.Helper()
				_, answer := client.StartOptions(uri, options, nil)
				if _, err := client.Await(answer); err != nil {
					t.Fatalf("CALL %s %v: %v", uri, options, err)
				}
				if got := named(t, wamptest.Details(calls.next(t)), "caller", client); got != want {
					t.Errorf("CALL %s %v: named %v, want %v", uri, options, got, want)
				}
				if _, err := client.Publish(uri, options); err != nil {
					t.Fatalf("PUBLISH %s %v: %v", uri, options, err)
				}
				if got := named(t, wamptest.Details(receive(t, events)), "publisher", client); got != want {
					t.Errorf("PUBLISH %s %v: named %v, want %v", uri, options, got, want)
				}
			}
			me := func(disclose bool) map[string]any { return map[string]any{"disclose_me": disclose} }
			for _, uri := range []string{"com.example.add", "com.example.p.x", "com.example.x.w"} {
				check(uri, nil, true)
				check(uri, me(true), true)
				check(uri, me(false), true)
				check(uri, map[string]any{"timeout": 5000}, true)
			}
			check("com.other.add", nil, false)
			check("com.example.asked.add", nil, false) // the narrower permission decides
			check("com.example.asked.add", me(true), true)

			documents.router = dev.Routers[0] // that of the client
			documents.rewrite(disclosingYAML("Asked"))
			check("com.example.add", nil, false)
			if _, err := client.Publish("com.example.add", me(true)); wamptest.URI(err) != wamp.ErrOptionDisallowedDiscloseMe {
				t.Errorf("disclose_me where the role may not disclose: %v", err)
			}
		})
	}
}
