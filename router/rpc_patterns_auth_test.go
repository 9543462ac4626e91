package router_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const narrow = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: narrow}
spec:
  clusterRef: {name: demo}
  realm: realm1
  anonymous: {role: guest}
  roles:
  - name: guest
    permissions:
    - {uri: com.example., match: prefix, allow: [register]}
    - {uri: com.example.secret., match: prefix, allow: [call]}
    - {uri: org.example, allow: [register]}
`

// Nobody gets the calls of a URI by a pattern that he may not register by its name.
func TestPatternIsRefusedWhereOneOfItsURIsIs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "realm.yaml")
	if err := os.WriteFile(file, []byte(narrow), 0o600); err != nil {
		t.Fatal(err)
	}
	dev := start(t, 1, func(c *router.DevConfig) { c.Documents = []string{file} })
	c := join(t, dev, 0)
	for _, test := range []struct{ uri, match, want string }{
		{"com.example.open.", "prefix", ""},
		{"com.example.open..x", "wildcard", ""},
		{"com.example.", "prefix", wamp.ErrNotAuthorized},
		{"com.example.s", "prefix", wamp.ErrNotAuthorized},
		{"com.example..x", "wildcard", wamp.ErrNotAuthorized},
		{"com.example..", "wildcard", wamp.ErrNotAuthorized},
		{"org.example", "exact", ""},
		{"org.example", "prefix", wamp.ErrNotAuthorized},
		{"org.", "prefix", wamp.ErrNotAuthorized},
	} {
		if _, err := c.Register(test.uri, map[string]any{"match": test.match}, nil); wamptest.URI(err) != test.want {
			t.Errorf("%s %s: %v, want %q", test.match, test.uri, err, test.want)
		}
	}
}
