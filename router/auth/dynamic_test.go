package auth

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// asked is an authenticator's procedure.
type asked func(args []any) ([]any, error)

func (f asked) CallInternal(_ context.Context, realm, procedure string, args []any, _ map[string]any) ([]any, map[string]any, error) {
	if realm != "people" || procedure != "com.example.authenticate" {
		return nil, nil, fmt.Errorf("%w: %s in %s", ErrUnreachable, procedure, realm)
	}
	answer, err := f(args)
	return answer, nil, err
}

func TestAuthenticators(t *testing.T) {
	r := people(t, func(r *v1alpha1.WampRealm) {
		r.Spec.Authenticators = []v1alpha1.Authenticator{{
			Methods:   []v1alpha1.AuthMethod{"ticket", "wampcra", "cryptosign", "anonymous"},
			Procedure: "com.example.authenticate", Realm: "people",
		}}
	})
	secretOf := map[string]any{"role": "user", "secret": "hush", "authid": "Dave", "extra": map[string]any{"floor": int64(3)}}
	yes := func(answer any) asked { return func([]any) ([]any, error) { return []any{answer}, nil } }
	no := asked(func([]any) ([]any, error) { return nil, errors.New("com.example.no") })
	cra := func(secret string) func(map[string]any) (string, map[string]any) {
		return func(extra map[string]any) (string, map[string]any) {
			return base64.StdEncoding.EncodeToString(mac([]byte(secret), extra["challenge"].(string))), nil
		}
	}
	sign := func(extra map[string]any) (string, map[string]any) {
		challenge, _ := hex.DecodeString(extra["challenge"].(string))
		return hex.EncodeToString(ed25519.Sign(aliceKey, challenge)), nil
	}
	const in, denied, failed = "", wamp.ErrAuthenticationDenied, wamp.ErrAuthenticationFailed
	for _, c := range []struct {
		name   string
		method string
		authID string
		answer func(map[string]any) (string, map[string]any)
		caller Caller
		uri    string
		is     string
	}{
		{"ticket", Ticket, "dave", say("hush"), asked(func(args []any) ([]any, error) {
			details := args[2].(map[string]any)
			if args[0] != "realm1" || args[1] != "dave" || details["ticket"] != "hush" || details["authmethod"] != Ticket {
				return nil, errors.New("com.example.no")
			}
			return []any{"user"}, nil
		}), in, "dave"},
		{"ticket refused", Ticket, "dave", say("hush"), no, denied, ""},
		{"a role that is not there", Ticket, "dave", say("hush"), yes("king"), failed, ""},
		{"no answer that makes sense", Ticket, "dave", say("hush"), yes(int64(1)), failed, ""},
		{"nobody to ask", Ticket, "dave", say("hush"), nil, failed, ""},
		{"unreachable", Ticket, "dave", say("hush"), asked(func([]any) ([]any, error) { return nil, ErrUnreachable }), failed, ""},
		{"wampcra", WampCRA, "dave", cra("hush"), yes(secretOf), in, "Dave"},
		{"wampcra wrong", WampCRA, "dave", cra("hash"), yes(secretOf), denied, ""},
		{"wampcra refused", WampCRA, "dave", cra("hush"), no, denied, ""},
		{"wampcra without a secret", WampCRA, "dave", cra(""), yes("user"), failed, ""},
		{"cryptosign", Cryptosign, "", sign, yes("user"), in, public(aliceKey)},
		{"cryptosign wrong", Cryptosign, "dave", say("00"), yes("user"), denied, ""},
		{"cryptosign refused", Cryptosign, "dave", sign, no, denied, ""},
		{"anonymous", Anonymous, "", nil, yes(map[string]any{"role": "guest"}), in, "guest-1"},
		{"anonymous refused", Anonymous, "", nil, no, denied, ""},
		{"declared goes first", Ticket, "bob", say(aliceSecret), no, in, "bob"},
		{"declared is not asked about", Ticket, "bob", say("hush"), yes("user"), denied, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a answers
			attempt := a.attempt(c.authID, c.answer, c.method)
			attempt.Caller = c.caller
			if c.name == "cryptosign" { // a key that no principal has
				r.byKey = nil
			}
			id, err := r.Admit(t.Context(), attempt)
			if err != nil && uriOf(err) != c.uri || err == nil && (c.uri != in || id.AuthID != c.is) {
				t.Errorf("%+v, %v", id, err)
			}
			if err == nil && id.Provider == dynamic && !r.Stands(id) {
				t.Error("the session does not stand")
			}
			if c.method != Anonymous && a.asked == nil && c.uri == denied {
				t.Error("denied without a challenge: the name gave it away")
			}
		})
	}
}

// Names that an authenticator does not know get challenges like those that it knows, on every
// replica and from the first one on; and what it calls the client is told after the proof.
func TestDecoysLookLikeWhatTheAuthenticatorDeclares(t *testing.T) {
	for _, declared := range []*v1alpha1.AuthenticatorCRA{nil, {Iterations: 2000, KeyLength: 20}} {
		replica := func() *Realm {
			return people(t, func(r *v1alpha1.WampRealm) {
				r.Spec.Authenticators = []v1alpha1.Authenticator{{
					Methods: []v1alpha1.AuthMethod{"wampcra"}, Procedure: "com.example.authenticate", Realm: "people", WampCRA: declared,
				}}
			})
		}
		challenge := func(r *Realm, authID string) (map[string]any, map[string]any) {
			var a answers
			attempt := a.attempt(authID, say(""), WampCRA)
			attempt.Caller = asked(func(args []any) ([]any, error) {
				if args[1] != "dave" {
					return nil, errors.New("com.example.no")
				}
				answer := map[string]any{"role": "user", "authid": "employee-7", "secret": "aHVzaA=="}
				if declared != nil {
					answer["salt"], answer["iterations"], answer["keylen"] = "c2FsdCBvZiAxNiBieXRlcw==", int64(2000), int64(20)
				}
				return []any{answer}, nil
			})
			if _, err := r.Admit(t.Context(), attempt); uriOf(err) != wamp.ErrAuthenticationDenied {
				t.Errorf("%s: %v", authID, err)
			}
			var asked map[string]any
			if err := json.Unmarshal([]byte(a.asked["challenge"].(string)), &asked); err != nil {
				t.Fatal(err)
			}
			return a.asked, asked
		}
		one, other := replica(), replica()
		unknown, text := challenge(one, "mallory")
		again, _ := challenge(other, "mallory")
		known, signed := challenge(one, "dave")
		salt, _ := unknown["salt"].(string)
		like, _ := known["salt"].(string)
		if unknown["iterations"] != known["iterations"] || unknown["keylen"] != known["keylen"] || len(salt) != len(like) ||
			unknown["salt"] != again["salt"] || declared != nil && salt == like {
			t.Errorf("dave is asked %v, mallory %v and %v", known, unknown, again)
		}
		if signed["authid"] != "dave" || text["authid"] != "mallory" {
			t.Errorf("the challenges name %v and %v", signed["authid"], text["authid"])
		}
		if _, later := challenge(one, "dave"); later["authrole"] != signed["authrole"] {
			t.Errorf("the role of a challenge changes: %v and %v", signed["authrole"], later["authrole"])
		}
	}
}

// silent never answers.
type silent struct{}

func (silent) CallInternal(ctx context.Context, _, _ string, _ []any, _ map[string]any) ([]any, map[string]any, error) {
	<-ctx.Done()
	return nil, nil, ctx.Err()
}

func TestAuthenticatorHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := people(t, func(r *v1alpha1.WampRealm) {
			r.Spec.Authenticators = []v1alpha1.Authenticator{{Methods: []v1alpha1.AuthMethod{"ticket"}, Procedure: "com.example.authenticate"}}
		})
		var a answers
		attempt := a.attempt("dave", say("hush"), Ticket)
		attempt.Caller = silent{}
		began := time.Now()
		_, err := r.Admit(t.Context(), attempt)
		if took := time.Since(began); uriOf(err) != wamp.ErrAuthenticationFailed || took != answerTime {
			t.Errorf("%v after %v", err, took)
		}
	})
}
