package session

import (
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Who says wrongly how to log in is not let in without a name.
func TestHelloMethodsOfTheWrongType(t *testing.T) {
	for _, methods := range []any{"wampcra", 1, map[string]any{}, []any{"ticket", 1}, true} {
		_, refusal := parseHello(&wamp.Message{Type: wamp.Hello, URI: "realm1", Dict: wamp.MustDict(wamp.JSON, map[string]any{
			"roles": map[string]any{"caller": map[string]any{}}, "authmethods": methods,
		})})
		if refusal == nil || refusal.URI != wamp.ErrInvalidArgument {
			t.Errorf("%v: %v", methods, refusal)
		}
	}
	hello, refusal := parseHello(&wamp.Message{Type: wamp.Hello, URI: "realm1", Dict: wamp.MustDict(wamp.JSON, map[string]any{
		"roles": map[string]any{"caller": map[string]any{}}, "authmethods": nil,
	})})
	if refusal != nil || len(hello.AuthMethods) != 0 {
		t.Errorf("null: %v, %v", hello.AuthMethods, refusal)
	}
}
