package wamptest

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Login is how a client says and proves who it is.
type Login struct {
	AuthID  string
	Methods []string
	// Extra is HELLO.Details.authextra.
	Extra map[string]any
	// Answer makes AUTHENTICATE of CHALLENGE; nil: nothing is asked.
	Answer func(conn transport.Conn, challenge *Message) (signature string, extra map[string]any)
	// Check looks at WELCOME.Details.
	Check func(welcome map[string]any) error
}

// LogIn says HELLO on a connection and answers the challenge.
func LogIn(t testing.TB, conn transport.Conn, realm string, l *Login) (*Client, error) {
	t.Helper()
	details := map[string]any{}
	if l.Methods != nil {
		details["authmethods"] = l.Methods
	}
	if l.AuthID != "" {
		details["authid"] = l.AuthID
	}
	if l.Extra != nil {
		details["authextra"] = l.Extra
	}
	c, err := Enter(t, conn, HelloWith(realm, conn.Format(), details), l.authenticate(conn))
	if err == nil && l.Check != nil {
		err = l.Check(c.Welcome)
	}
	return c, err
}

func (l *Login) authenticate(conn transport.Conn) func(*Message) *wamp.Message {
	if l.Answer == nil {
		return nil
	}
	return func(challenge *Message) *wamp.Message {
		signature, extra := l.Answer(conn, challenge)
		return &wamp.Message{Type: wamp.Authenticate, Text: signature, Dict: wamp.MustDict(conn.Format(), extra)}
	}
}

// WithTicket logs in with a ticket.
func WithTicket(authID, ticket string) *Login {
	return &Login{AuthID: authID, Methods: []string{auth.Ticket}, Answer: func(transport.Conn, *Message) (string, map[string]any) {
		return ticket, nil
	}}
}

// WithCRA logs in with a shared secret.
func WithCRA(authID, secret string) *Login {
	return &Login{AuthID: authID, Methods: []string{auth.WampCRA}, Answer: func(_ transport.Conn, challenge *Message) (string, map[string]any) {
		return SignCRA(secret, Details(challenge)), nil
	}}
}

// SignCRA signs a challenge of WAMP-CRA, with a salt or without.
func SignCRA(secret string, extra map[string]any) string {
	text, _ := extra["challenge"].(string)
	if salt, ok := extra["salt"].(string); ok {
		iterations, _ := extra["iterations"].(int64)
		length, _ := extra["keylen"].(int64)
		key, err := auth.DeriveCRA(secret, v1alpha1.CRASalt{Salt: salt, Iterations: int32(iterations), KeyLength: int32(length)})
		if err != nil {
			return ""
		}
		secret = key
	}
	return base64.StdEncoding.EncodeToString(sum([]byte(secret), text))
}

func sum(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// WithSCRAM logs in with a password, over a channel binding if one is named.
func WithSCRAM(authID, password, binding string) *Login {
	return withSCRAM(auth.SCRAM, authID, password, binding)
}

// WithCrossbarSCRAM logs in with a password as Autobahn|Python does: what it calls scram binds no
// channel, and has names of its own.
func WithCrossbarSCRAM(authID, password string) *Login {
	return withSCRAM("scram", authID, password, "")
}

func withSCRAM(method, authID, password, binding string) *Login {
	random := make([]byte, 16)
	_, _ = rand.Read(random)
	nonce := base64.StdEncoding.EncodeToString(random)
	l := &Login{AuthID: authID, Methods: []string{method}, Extra: map[string]any{"nonce": nonce, "channel_binding": nil}}
	if binding != "" {
		l.Extra["channel_binding"] = binding
	}
	var verifier string
	l.Answer = func(conn transport.Conn, challenge *Message) (string, map[string]any) {
		extra := Details(challenge)
		both, _ := extra["nonce"].(string)
		salt, _ := extra["salt"].(string)
		iterations, _ := extra["iterations"].(int64)
		keys := scramKeys(password, extra)
		answer := map[string]any{"nonce": both, "channel_binding": nil, "cbind_data": nil}
		bound := []byte("n,,")
		if binding != "" {
			data := Binding(conn, binding)
			answer["channel_binding"], answer["cbind_data"] = binding, base64.StdEncoding.EncodeToString(data)
			bound = append([]byte("p="+binding+",,"), data...)
		}
		if method != auth.SCRAM {
			answer, bound = nil, nil
		}
		name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(authID)
		message := "n=" + name + ",r=" + nonce + ",r=" + both + ",s=" + salt + ",i=" + strconv.FormatInt(iterations, 10) +
			",c=" + base64.StdEncoding.EncodeToString(bound) + ",r=" + both
		proof := make([]byte, len(keys.Client))
		subtle.XORBytes(proof, keys.Client, sum(keys.Stored, message))
		verifier = base64.StdEncoding.EncodeToString(sum(keys.Server, message))
		return base64.StdEncoding.EncodeToString(proof), answer
	}
	l.Check = func(welcome map[string]any) error {
		extra, _ := welcome["authextra"].(map[string]any)
		if got := extra["verifier"]; got != verifier && extra["scram_server_signature"] != verifier {
			return fmt.Errorf("the router does not know the password: %v", extra)
		}
		return nil
	}
	return l
}

func scramKeys(password string, extra map[string]any) auth.ScramKeys {
	salt, _ := extra["salt"].(string)
	raw, _ := base64.StdEncoding.DecodeString(salt)
	kdf, _ := extra["kdf"].(string)
	iterations, _ := extra["iterations"].(int64)
	memory, _ := extra["memory"].(int64)
	keys, err := auth.DeriveSCRAM(password, auth.KDF{
		Name: v1alpha1.KDF(kdf), Salt: raw, Iterations: uint32(iterations), Memory: uint32(memory),
	})
	if err != nil {
		panic(err)
	}
	return keys
}

// WithCryptosign logs in with a key, over a channel binding if one is named. An empty authID
// leaves the name to the key.
func WithCryptosign(authID string, key ed25519.PrivateKey, binding string) *Login {
	l := &Login{AuthID: authID, Methods: []string{auth.Cryptosign}, Extra: map[string]any{
		"pubkey": hex.EncodeToString(key.Public().(ed25519.PublicKey)), "channel_binding": nil,
	}}
	if binding != "" {
		l.Extra["channel_binding"] = binding
	}
	l.Answer = func(conn transport.Conn, challenge *Message) (string, map[string]any) {
		text, _ := Details(challenge)["challenge"].(string)
		message, _ := hex.DecodeString(text)
		if binding != "" {
			id := Binding(conn, binding)
			if binding == "tls-unique" {
				digest := sha256.Sum256(id)
				id = digest[:]
			}
			subtle.XORBytes(message, message, id)
		}
		return hex.EncodeToString(append(ed25519.Sign(key, message), message...)), nil
	}
	return l
}

// WithCertificate logs in with what was shown when the connection began.
func WithCertificate(authID string) *Login {
	return &Login{AuthID: authID, Methods: []string{auth.Certificate}}
}

// Binding is the channel binding of this side of a connection; random bytes when there is none.
func Binding(conn transport.Conn, name string) []byte {
	info := conn.Info()
	get := info.TLSExporter
	if name == "tls-unique" {
		get = info.TLSUnique
	}
	data, err := get()
	if err != nil {
		data = make([]byte, 32)
		_, _ = rand.Read(data)
	}
	return data
}

// Offering is the login with other methods in HELLO.
func (l *Login) Offering(methods ...string) *Login {
	other := *l
	other.Methods, other.Extra = methods, maps.Clone(l.Extra)
	return &other
}
