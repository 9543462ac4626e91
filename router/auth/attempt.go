package auth

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/transport"
)

// Attempt is a client that wants to join, as its HELLO describes it.
type Attempt struct {
	// Methods that the client offers (HELLO.Details.authmethods), the one it likes best first.
	// None means anonymous.
	Methods []string
	// AuthID is who the client says it is, Extra what it adds (HELLO.Details.authextra).
	AuthID string
	Extra  map[string]any
	// Guest is the name of an anonymous session. What an anonymous client calls itself proves
	// nothing, so the router makes one up.
	Guest string
	// Session is the id that the session will have.
	Session uint64
	// Connection is what the client came over.
	Connection *transport.Info
	// Transport describes the connection for authenticators.
	Transport map[string]any
	// Challenge asks the client, once at most. Its errors are returned by Admit as they are.
	Challenge func(method string, extra map[string]any) (signature string, answer map[string]any, err error)
	// Caller asks authenticators.
	Caller Caller
}

// Admit lets a client in, or says why not: with a *Refusal, or with the error of Challenge. It
// takes the first of the client's methods that the realm has for it.
func (r *Realm) Admit(ctx context.Context, a *Attempt) (Identity, error) {
	methods := a.Methods
	if len(methods) == 0 {
		methods = []string{Anonymous}
	}
	plain := r.decoy(a.name(), "") // also for those who are known: it takes its time
	open, missing := "", ""
	for _, method := range methods[:min(len(methods), maxMethods)] {
		switch method {
		case Anonymous:
			if r.anonymous != nil {
				return Identity{AuthID: a.Guest, Method: Anonymous, Provider: static, Role: r.anonymous}, nil
			}
			if by := r.authenticators[Anonymous]; by != nil {
				return r.admitUnnamed(ctx, a, by)
			}
			continue
		case Certificate:
			if id, ok := r.admitCertificate(a); ok {
				return id, nil
			}
		default:
			if why := a.lacks(method); r.offered[method] && why != "" {
				missing = why
				continue
			}
			known := r.find(method, a)
			switch {
			case known != nil && known.can(method):
				return r.prove(method, a, known)
			case known == nil && r.authenticators[method] != nil:
				return r.admitDynamic(ctx, method, a)
			case known == nil && r.offered[method] && plain.can(method):
				return r.prove(method, a, plain)
			}
		}
		if open == "" && r.offered[method] {
			open = method
		}
	}
	switch open {
	case "":
		return Identity{}, unmatched(methods, missing)
	case Certificate:
		return Identity{}, denied()
	}
	return r.prove(open, a, r.decoy(a.name(), open))
}

// maxMethods is how many of a client's methods are looked at.
const maxMethods = 16

// prove lets the client prove that it is the principal.
func (r *Realm) prove(method string, a *Attempt, p *principal) (Identity, error) {
	id := Identity{AuthID: p.authID, Method: method, Provider: static, Role: p.role}
	var ok bool
	var err error
	switch method {
	case Ticket:
		ok, err = proveTicket(a, p)
	case WampCRA:
		ok, err = proveCRA(a, p)
	case SCRAM, oldSCRAM:
		ok, id.Extra, err = proveSCRAM(a, p)
	case Cryptosign:
		key := a.publicKey()
		ok, err = proveCryptosign(a, p)
		id.holds = func(p *principal) bool { return p.keys[key] }
	}
	switch {
	case err != nil:
		return Identity{}, err
	case !ok || p.decoy:
		return Identity{}, denied()
	}
	return id, nil
}

// name is who the client says it is, in one way or the other.
func (a *Attempt) name() string {
	if a.AuthID == "" {
		return a.publicKey()
	}
	return a.AuthID
}

// publicKey is the key that the client announced, in lower-case hex; empty when it is none.
func (a *Attempt) publicKey() string {
	text, _ := a.Extra["pubkey"].(string)
	if key, err := hex.DecodeString(text); err != nil || len(key) != keySize {
		return ""
	}
	return strings.ToLower(text)
}

// lacks says what a method needs to know in HELLO and is not there.
func (a *Attempt) lacks(method string) string {
	switch {
	case named(method) && a.AuthID == "":
		return fmt.Sprintf("HELLO.Details.authid is missing: authentication by %s needs a name", method)
	case method == Cryptosign && a.publicKey() == "":
		return "HELLO.Details.authextra.pubkey is missing: authentication by cryptosign needs a public key of 64 hex digits"
	case (method == SCRAM || method == oldSCRAM) && a.nonce() == "":
		return fmt.Sprintf("HELLO.Details.authextra.nonce is missing: authentication by %s needs random bytes in base64, from 8 to 128", method)
	}
	return ""
}
