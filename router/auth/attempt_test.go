package auth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const aliceSecret = "open sesame"

var aliceKey = ed25519.NewKeyFromSeed(make([]byte, 32))

func public(key ed25519.PrivateKey) string {
	return hex.EncodeToString(key.Public().(ed25519.PublicKey))
}

func ref(key string) v1alpha1.SecretKeyReference {
	return v1alpha1.SecretKeyReference{Name: "people", Key: key}
}

// people is a realm in which alice can do everything, bob has a ticket, and carol lacks what her
// credentials name.
func people(t testing.TB, change ...func(*v1alpha1.WampRealm)) *Realm {
	t.Helper()
	derived, err := DeriveSCRAM(aliceSecret, KDF{Name: v1alpha1.KDFPBKDF2, Salt: []byte("salt of alice"), Iterations: 4096})
	if err != nil {
		t.Fatal(err)
	}
	salted := v1alpha1.CRASalt{Salt: "salt123", Iterations: 100, KeyLength: 32}
	cra, err := DeriveCRA(aliceSecret, salted)
	if err != nil {
		t.Fatal(err)
	}
	data := map[string][]byte{
		"ticket": []byte(aliceSecret + "\n"), "cra": []byte(cra), "plain": []byte(aliceSecret),
		"stored": []byte(base64.StdEncoding.EncodeToString(derived.Stored)), "server": []byte(hex.EncodeToString(derived.Server)),
		"empty": nil, "short": []byte("c2hvcnQ="),
	}
	scram := &v1alpha1.SCRAMCredential{
		KDF: v1alpha1.KDFPBKDF2, Salt: base64.StdEncoding.EncodeToString([]byte("salt of alice")), Iterations: 4096,
		StoredKeyRef: ref("stored"), ServerKeyRef: ref("server"),
	}
	lacking := scram.DeepCopy()
	lacking.StoredKeyRef = ref("short")
	r := &v1alpha1.WampRealm{Spec: v1alpha1.WampRealmSpec{
		Realm: "realm1", Roles: []v1alpha1.Role{{Name: "guest"}, {Name: "user"}},
		Principals: []v1alpha1.Principal{
			{AuthID: "alice", Role: "user", Ticket: &v1alpha1.TicketCredential{SecretRef: ref("ticket")},
				WampCRA: &v1alpha1.CRACredential{SecretRef: ref("cra"), Salted: &salted}, SCRAM: scram,
				Cryptosign: &v1alpha1.CryptosignCredential{PublicKeys: []string{strings.ToUpper(public(aliceKey))}}},
			{AuthID: "bob", Role: "user", Ticket: &v1alpha1.TicketCredential{SecretRef: ref("ticket")}},
			{AuthID: "carol", Role: "user", Ticket: &v1alpha1.TicketCredential{SecretRef: ref("nothing")},
				WampCRA: &v1alpha1.CRACredential{SecretRef: v1alpha1.SecretKeyReference{Name: "nowhere", Key: "k"}}, SCRAM: lacking},
		},
	}}
	for _, f := range change {
		f(r)
	}
	return CompileWith(r, Options{Key: []byte("the key of the cluster"), Secret: func(_, name string) (map[string][]byte, bool) {
		return data, name == "people"
	}})
}

// answers makes an attempt whose client answers as told, and keeps what it was asked.
type answers struct {
	method string
	asked  map[string]any
}

func (a *answers) attempt(authID string, answer func(extra map[string]any) (string, map[string]any), methods ...string) *Attempt {
	return &Attempt{
		Methods: methods, AuthID: authID, Guest: "guest-1", Session: 7,
		Extra: map[string]any{"pubkey": public(aliceKey), "nonce": "bm9uY2Utbm9uY2U="},
		Challenge: func(method string, extra map[string]any) (string, map[string]any, error) {
			a.method, a.asked = method, extra
			signature, more := answer(extra)
			return signature, more, nil
		},
	}
}

func say(text string) func(map[string]any) (string, map[string]any) {
	return func(map[string]any) (string, map[string]any) { return text, nil }
}

func uriOf(err error) string {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.URI
	}
	return fmt.Sprint(err)
}

// Of what a client offers, the first that the realm has for it is taken.
func TestClientsOrderDecides(t *testing.T) {
	r := people(t)
	for _, c := range []struct {
		authID  string
		methods string
		want    string
	}{
		{"alice", "ticket wampcra", Ticket},
		{"alice", "wampcra ticket", WampCRA},
		{"alice", "password tls wamp-scram ticket", SCRAM},
		{"alice", "scram cryptosign ticket", Cryptosign},
		{"bob", "cryptosign wampcra ticket", Ticket},
		{"bob", "anonymous wampcra", WampCRA}, // the realm has it, bob does not
	} {
		var a answers
		_, _ = r.Admit(t.Context(), a.attempt(c.authID, say(""), strings.Fields(c.methods)...))
		if a.method != c.want {
			t.Errorf("%s offers %s: %q is taken, want %q", c.authID, c.methods, a.method, c.want)
		}
	}
}

// An unknown name, a wrong secret, a method that the principal does not have, and a Secret that is
// missing cannot be told apart.
func TestGuessingTellsNothing(t *testing.T) {
	r := people(t)
	for _, method := range []string{Ticket, WampCRA, SCRAM, Cryptosign} {
		seen := map[string]string{}
		for _, authID := range []string{"alice", "bob", "carol", "mallory", "mallory2"} {
			var a answers
			_, err := r.Admit(t.Context(), a.attempt(authID, say("d3Jvbmc="), method))
			var names []string
			for _, name := range []string{"challenge", "nonce", "salt", "kdf", "channel_binding"} {
				if _, ok := a.asked[name]; ok && (method != WampCRA || name != "salt") { // alice's is salted, carol's is not
					names = append(names, name)
				}
			}
			seen[a.method+fmt.Sprint(names)+" "+uriOf(err)+" "+fmt.Sprint(err)] += authID + " "
		}
		if len(seen) != 1 {
			t.Errorf("%s: %v", method, seen)
		}
		for text := range seen {
			if !strings.Contains(text, wamp.ErrAuthenticationDenied) {
				t.Errorf("%s: refused with %s", method, text)
			}
		}
	}
}

// Who asks twice for a name that nobody has sees the same salt, on every replica, and another one
// for another name.
func TestDecoysStayTheSame(t *testing.T) {
	ask := func(r *Realm, authID, method string) map[string]any {
		var a answers
		_, _ = r.Admit(t.Context(), a.attempt(authID, say(""), method))
		return a.asked
	}
	one, other := people(t), people(t)
	salts := map[any]bool{}
	for i := range 20 {
		name := fmt.Sprintf("nobody%d", i)
		for _, method := range []string{WampCRA, SCRAM} {
			a, b := ask(one, name, method), ask(other, name, method)
			if a["salt"] != b["salt"] || a["iterations"] != b["iterations"] || a["kdf"] != b["kdf"] {
				t.Errorf("%s by %s: %v and %v", name, method, a, b)
			}
			if salt := a["salt"]; salt != nil {
				if salts[salt] {
					t.Errorf("the salt %v again", salt)
				}
				salts[salt] = true
			}
		}
	}
	if real := ask(one, "alice", SCRAM)["salt"].(string); len(ask(one, "nobody1", SCRAM)["salt"].(string)) != len(real) {
		t.Error("the salt of a decoy has another length")
	}
}

func TestProblemsNameThePlaceAndNoSecret(t *testing.T) {
	r := people(t)
	want := []string{
		"principal carol of realm realm1 cannot log in by ticket: the Secret people has no key nothing",
		"principal carol of realm realm1 cannot log in by wampcra: there is no Secret nowhere",
		"principal carol of realm realm1 cannot log in by wamp-scram: the key short of the Secret people is not 32 bytes in base64 or hex",
	}
	if len(r.Problems()) != len(want) {
		t.Fatalf("problems: %v", r.Problems())
	}
	for i, p := range r.Problems() {
		if p.String() != want[i] {
			t.Errorf("%s\nwant %s", p, want[i])
		}
	}
}

func TestMissingWordsAreNamed(t *testing.T) {
	r := people(t)
	for _, c := range []struct {
		method string
		authID string
		extra  map[string]any
		want   string
	}{
		{Ticket, "", nil, "HELLO.Details.authid is missing"},
		{Cryptosign, "alice", map[string]any{"pubkey": "abc"}, "HELLO.Details.authextra.pubkey is missing"},
		{SCRAM, "alice", nil, "HELLO.Details.authextra.nonce is missing"},
		{SCRAM, "alice", map[string]any{"nonce": "!"}, "HELLO.Details.authextra.nonce is missing"},
	} {
		_, err := r.Admit(t.Context(), &Attempt{Methods: []string{c.method}, AuthID: c.authID, Extra: c.extra})
		if uriOf(err) != wamp.ErrAuthenticationRequired || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.method, err)
		}
	}
	_, err := r.Admit(t.Context(), &Attempt{Methods: []string{"password", "x"}, AuthID: "alice"})
	if uriOf(err) != wamp.ErrNoMatchingAuthMethod {
		t.Errorf("unknown methods: %v", err)
	}
}

// A session goes on until who it is, or what it may, is no more.
func TestIdentitiesStand(t *testing.T) {
	admit := func(r *Realm, method, answer string) Identity {
		t.Helper()
		var a answers
		id, err := r.Admit(t.Context(), a.attempt("alice", func(extra map[string]any) (string, map[string]any) {
			if method == Cryptosign {
				challenge, _ := hex.DecodeString(extra["challenge"].(string))
				answer = hex.EncodeToString(ed25519.Sign(aliceKey, challenge))
			}
			return answer, nil
		}, method))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	r := people(t)
	ticket, key := admit(r, Ticket, aliceSecret), admit(r, Cryptosign, "")
	if ticket.AuthID != "alice" || ticket.Role.Name != "user" || ticket.Provider != static || ticket.Method != Ticket {
		t.Errorf("alice is %+v", ticket)
	}
	for _, c := range []struct {
		name        string
		change      func(*v1alpha1.WampRealm)
		ticket, key bool
	}{
		{"nothing", func(*v1alpha1.WampRealm) {}, true, true},
		{"another secret", func(r *v1alpha1.WampRealm) { r.Spec.Principals[0].Ticket.SecretRef.Key = "plain" }, true, true},
		{"no alice", func(r *v1alpha1.WampRealm) { r.Spec.Principals = r.Spec.Principals[1:] }, false, false},
		{"another role", func(r *v1alpha1.WampRealm) { r.Spec.Principals[0].Role = "guest" }, false, false},
		{"no ticket", func(r *v1alpha1.WampRealm) { r.Spec.Principals[0].Ticket = nil }, false, true},
		{"another key", func(r *v1alpha1.WampRealm) {
			r.Spec.Principals[0].Cryptosign.PublicKeys[0] = strings.Repeat("ab", 32)
		}, true, false},
	} {
		now := people(t, c.change)
		if now.Stands(ticket) != c.ticket || now.Stands(key) != c.key {
			t.Errorf("%s: the ticket stands %v, the key %v", c.name, now.Stands(ticket), now.Stands(key))
		}
	}
	var none *Realm
	if none.Stands(ticket) {
		t.Error("a session stands in a realm that is gone")
	}
}

// The role of a challenge says nothing of what an authenticator answered.
func TestChallengesTellNoRole(t *testing.T) {
	role := func(answer string) any {
		r := people(t, func(r *v1alpha1.WampRealm) {
			r.Spec.Authenticators = []v1alpha1.Authenticator{{Methods: []v1alpha1.AuthMethod{"wampcra"}, Procedure: "com.example.authenticate", Realm: "people"}}
		})
		var a answers
		attempt := a.attempt("dave", say(""), WampCRA)
		attempt.Caller = asked(func([]any) ([]any, error) {
			if answer == "" {
				return nil, errors.New("com.example.no")
			}
			return []any{map[string]any{"role": answer, "secret": "hush"}}, nil
		})
		if _, err := r.Admit(t.Context(), attempt); uriOf(err) != wamp.ErrAuthenticationDenied {
			t.Fatal(err)
		}
		var text map[string]any
		if err := json.Unmarshal([]byte(a.asked["challenge"].(string)), &text); err != nil {
			t.Fatal(err)
		}
		return text["authrole"]
	}
	if guest, user, nobody := role("guest"), role("user"), role(""); guest != user || user != nobody {
		t.Errorf("the challenges have the roles %v, %v and %v", guest, user, nobody)
	}
}

// An authenticator that does not do as declared is spoken of, once.
func TestUndeclaredSaltsAreSpokenOf(t *testing.T) {
	for _, c := range []struct {
		declared *v1alpha1.AuthenticatorCRA
		salt     string
		want     string // empty: nothing
	}{
		{nil, "", ""},
		{&v1alpha1.AuthenticatorCRA{Iterations: 2000, KeyLength: 20}, "c2FsdCBvZiAxNiBieXRlcw==", ""},
		{nil, "c2FsdCBvZiAxNiBieXRlcw==", "declare wampcra: {iterations: 2000, keyLength: 20}"},
		{&v1alpha1.AuthenticatorCRA{Iterations: 1000, KeyLength: 32}, "c2FsdCBvZiAxNiBieXRlcw==", "declare wampcra: {iterations: 2000, keyLength: 20}"},
		{&v1alpha1.AuthenticatorCRA{Iterations: 2000, KeyLength: 20}, "pepper", "let salts be 16 bytes"},
		{&v1alpha1.AuthenticatorCRA{Iterations: 2000, KeyLength: 20}, "", "remove wampcra"},
	} {
		var said []string
		r := CompileWith(&v1alpha1.WampRealm{Spec: v1alpha1.WampRealmSpec{
			Realm: "realm1", Roles: []v1alpha1.Role{{Name: "user"}},
			Authenticators: []v1alpha1.Authenticator{{Methods: []v1alpha1.AuthMethod{"wampcra"}, Procedure: "com.example.authenticate", Realm: "people", WampCRA: c.declared}},
		}}, Options{Warn: func(message string) { said = append(said, message) }})
		for range 2 {
			var a answers
			attempt := a.attempt("dave", say(""), WampCRA)
			attempt.Caller = asked(func([]any) ([]any, error) {
				return []any{map[string]any{"role": "user", "secret": "aHVzaA==", "salt": c.salt, "iterations": int64(2000), "keylen": int64(20)}}, nil
			})
			_, _ = r.Admit(t.Context(), attempt)
		}
		if c.want == "" && len(said) != 0 || c.want != "" && (len(said) != 1 || !strings.Contains(said[0], c.want)) {
			t.Errorf("declared %+v, salt %q: %q", c.declared, c.salt, said)
		}
	}
}

// Without any secret to make them of, what decoys have cannot be worked out from the source.
func TestDecoysAreNotPredictable(t *testing.T) {
	realm := &v1alpha1.WampRealm{Spec: v1alpha1.WampRealmSpec{Realm: "realm1"}}
	predictable := &Realm{name: "realm1"}
	predictable.key = mac(newMAC([]byte("wamp-router decoys")).Sum(nil), "decoys of realm realm1")
	one, other := Compile(realm), Compile(realm)
	if bytes.Equal(one.key, predictable.key) || !bytes.Equal(one.key, other.key) {
		t.Error("decoys are made with a key that anybody can work out, or with another one each time")
	}
}

func TestCertificatesFit(t *testing.T) {
	hour := time.Hour
	leaf := func(from, to time.Duration) *x509.Certificate {
		return &x509.Certificate{
			Raw: []byte("DER"), NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
			Subject: pkix.Name{CommonName: "sensor-7", Organization: []string{"Example"}}, DNSNames: []string{"sensor-7.example.com"},
			URIs: []*url.URL{{Scheme: "spiffe", Host: "example.com", Path: "/sensor-7"}},
		}
	}
	good := leaf(-hour, hour)
	verified := [][]*x509.Certificate{{good}}
	digest := sha256.Sum256([]byte("DER"))
	colons := strings.ToUpper(strings.TrimSuffix(regexp.MustCompile("..").ReplaceAllString(hex.EncodeToString(digest[:]), "$0:"), ":"))
	for _, c := range []struct {
		name   string
		is     v1alpha1.CertificateCredential
		leaf   *x509.Certificate
		chains [][]*x509.Certificate
		want   bool
	}{
		{"fingerprint", v1alpha1.CertificateCredential{Fingerprints: []string{colons}}, good, nil, true},
		{"another fingerprint", v1alpha1.CertificateCredential{Fingerprints: []string{strings.Repeat("ab", 32)}}, good, verified, false},
		{"subject", v1alpha1.CertificateCredential{Subjects: []string{"CN=sensor-7,O=Example"}}, good, verified, true},
		{"subject, nobody vouches", v1alpha1.CertificateCredential{Subjects: []string{"CN=sensor-7,O=Example"}}, good, nil, false},
		{"part of a subject", v1alpha1.CertificateCredential{Subjects: []string{"CN=sensor-7"}}, good, verified, false},
		{"name", v1alpha1.CertificateCredential{Names: []string{"x", "sensor-7.example.com"}}, good, verified, true},
		{"URI", v1alpha1.CertificateCredential{Names: []string{"spiffe://example.com/sensor-7"}}, good, verified, true},
		{"name, nobody vouches", v1alpha1.CertificateCredential{Names: []string{"sensor-7.example.com"}}, good, nil, false},
		{"over", v1alpha1.CertificateCredential{Fingerprints: []string{colons}}, leaf(-2*hour, -hour), verified, false},
		{"not yet", v1alpha1.CertificateCredential{Fingerprints: []string{colons}}, leaf(hour, 2*hour), verified, false},
	} {
		state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c.leaf}, VerifiedChains: c.chains}
		if got := compileCertificates(&c.is).fits(show(state)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A client that goes away, or breaks the protocol, ends the attempt with what Challenge says.
func TestErrorsOfTheChallengePass(t *testing.T) {
	r, gone := people(t), errors.New("gone")
	for _, method := range []string{Ticket, WampCRA, SCRAM, Cryptosign} {
		var a answers
		attempt := a.attempt("alice", nil, method)
		attempt.Challenge = func(string, map[string]any) (string, map[string]any, error) { return "", nil, gone }
		if _, err := r.Admit(t.Context(), attempt); !errors.Is(err, gone) {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// A client that asks for a channel binding is not let in without it.
func TestChannelBindingIsNotDropped(t *testing.T) {
	r := people(t)
	for _, binding := range []any{"tls-unique", "tls-exporter", "tls-server-end-point", "", int64(1)} {
		for _, method := range []string{SCRAM, Cryptosign} {
			var a answers
			attempt := a.attempt("alice", say(""), method)
			attempt.Extra["channel_binding"] = binding
			if _, err := r.Admit(t.Context(), attempt); uriOf(err) != wamp.ErrAuthenticationFailed || a.asked != nil {
				t.Errorf("%s with %v: %v", method, binding, err)
			}
		}
	}
}
