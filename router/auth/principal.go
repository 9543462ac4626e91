package auth

import (
	"crypto/sha256"
	"strings"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// principal is somebody who may join, or a decoy.
type principal struct {
	authID string
	role   *Role
	decoy  bool // whatever it proves, it does not get in
	// What it proves its name with; nil where it cannot.
	ticket      *ticketKey
	cra         *craKey
	scram       *scramKeys
	keys        map[string]bool // Ed25519 public keys in lower-case hex
	certificate *certificates
}

// can tells whether the principal has the method.
func (p *principal) can(method string) bool {
	switch method {
	case Ticket:
		return p.ticket != nil
	case WampCRA:
		return p.cra != nil
	case SCRAM, oldSCRAM:
		return p.scram != nil && p.scram.method() == method
	case Cryptosign:
		return p.keys != nil
	case Certificate:
		return p.certificate != nil
	}
	return false
}

// add compiles one principal. A credential whose secret is missing stays, with one that nobody
// knows: to a client it looks like any other.
func (r *Realm) add(declared *v1alpha1.Principal, secrets *secrets) {
	p := &principal{authID: declared.AuthID, role: r.roles[declared.Role]}
	problem := func(method string, err error) {
		if err != nil {
			r.problems = append(r.problems, Problem{Realm: r.name, AuthID: p.authID, Method: method, Message: err.Error()})
		}
	}
	if c := declared.Ticket; c != nil {
		secret, err := secrets.value(c.SecretRef)
		problem(Ticket, err)
		p.ticket = &ticketKey{digest: sha256.Sum256(secret)}
	}
	if c := declared.WampCRA; c != nil {
		secret, err := secrets.value(c.SecretRef)
		problem(WampCRA, err)
		p.cra = &craKey{secret: secret}
		if s := c.Salted; s != nil {
			p.cra.salt, p.cra.iterations, p.cra.keyLength = s.Salt, int64(s.Iterations), int64(s.KeyLength)
		}
	}
	if c := declared.SCRAM; c != nil {
		p.scram = &scramKeys{kdf: c.KDF, salt: c.Salt, iterations: int64(c.Iterations), memory: int64(c.Memory)}
		var err error
		p.scram.stored, err = secrets.key(c.StoredKeyRef)
		problem(p.scram.method(), err)
		p.scram.server, err = secrets.key(c.ServerKeyRef)
		problem(p.scram.method(), err)
	}
	if c := declared.Cryptosign; c != nil {
		p.keys = make(map[string]bool, len(c.PublicKeys))
		for _, key := range c.PublicKeys {
			key = strings.ToLower(key)
			p.keys[key] = true
			if r.byKey[key] == nil {
				r.byKey[key] = p
			}
		}
	}
	if c := declared.Certificate; c != nil {
		p.certificate = compileCertificates(c)
	}
	for _, method := range []string{Ticket, WampCRA, SCRAM, oldSCRAM, Cryptosign, Certificate} {
		if p.can(method) {
			r.offered[method] = true
		}
	}
	r.principals[p.authID] = p
	r.order = append(r.order, p)
}

// find gives the principal that a client speaks of, or nil. A client that signs may leave the
// name out: its key says it all.
func (r *Realm) find(method string, a *Attempt) *principal {
	if a.AuthID == "" && method == Cryptosign {
		return r.byKey[a.publicKey()]
	}
	return r.principals[a.AuthID]
}
