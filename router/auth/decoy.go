package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
)

func newMAC(key []byte) hash.Hash { return hmac.New(sha256.New, key) }

func mac(key []byte, message string) []byte {
	h := newMAC(key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// processKey makes decoys where there is nothing secret to make them of.
var processKey = unknown()

// decoyKey is the key with which decoys are made.
func (r *Realm) decoyKey(given []byte, secrets *secrets) []byte {
	switch {
	case len(given) > 0:
	case secrets.read > 0:
		given = secrets.seen.Sum(nil)
	default:
		given = processKey
	}
	return mac(given, "decoys of realm "+r.name)
}

// decoy is a principal for a name that nobody has, the same each time: it can do what some
// principal of the realm can, with the same parameters, a salt of its own, and secrets that
// nobody knows. With a method that principal has the method, if any principal has.
func (r *Realm) decoy(name, method string) *principal {
	like := r.template(name, method)
	d := &principal{authID: name, decoy: true, role: like.role}
	secret := func(what string) []byte { return r.madeUp(what, name) }
	if like.ticket != nil {
		d.ticket = &ticketKey{digest: [keySize]byte(secret("ticket"))}
	}
	if like.cra != nil {
		d.cra = r.decoyCRA(name, like.cra)
	}
	if c := like.scram; c != nil {
		d.scram = &scramKeys{
			kdf: c.kdf, salt: fakeSalt(c.salt, secret("scram salt")), iterations: c.iterations, memory: c.memory,
			stored: secret("stored"), server: secret("server"),
		}
	}
	if like.keys != nil {
		d.keys = map[string]bool{}
	}
	return d
}

// decoyCRA is a key that is salted like another.
func (r *Realm) decoyCRA(name string, like *craKey) *craKey {
	return &craKey{
		secret: r.madeUp("wampcra", name), salt: fakeSalt(like.salt, r.madeUp("wampcra salt", name)),
		iterations: like.iterations, keyLength: like.keyLength,
	}
}

// madeUp is a secret for a name, the same each time.
func (r *Realm) madeUp(what, name string) []byte { return mac(r.key, what+"\x00"+name) }

// template chooses the principal that a decoy is like. Where none has the method, because an
// authenticator answers for it, it is the plainest one.
func (r *Realm) template(name, method string) *principal {
	able := r.order
	if method != "" {
		able = nil
		for _, p := range r.order {
			if p.can(method) {
				able = append(able, p)
			}
		}
	}
	if len(able) == 0 {
		return &principal{role: r.anyRole(name), ticket: &ticketKey{}, cra: &craKey{}, keys: map[string]bool{}}
	}
	return able[r.number("like\x00"+name)%uint64(len(able))]
}

// anyRole chooses a role of the realm for a decoy.
func (r *Realm) anyRole(name string) *Role {
	names := slices.Sorted(maps.Keys(r.roles))
	if len(names) == 0 {
		return &Role{}
	}
	return r.roles[names[r.number("role\x00"+name)%uint64(len(names))]]
}

// number is a number for a text, which nobody else can tell.
func (r *Realm) number(text string) uint64 { return binary.BigEndian.Uint64(mac(r.key, text)) }

// fakeSalt writes random bytes in the way in which a salt is written, at its length.
func fakeSalt(like string, random []byte) string {
	if like == "" {
		return ""
	}
	for len(random) < len(like) {
		random = append(random, mac(random, "more")...)
	}
	if raw, err := base64.StdEncoding.DecodeString(like); err == nil && !isHex(like) {
		return base64.StdEncoding.EncodeToString(random[:len(raw)])
	}
	if isHex(like) {
		return hex.EncodeToString(random)[:len(like)]
	}
	return base64.RawURLEncoding.EncodeToString(random)[:len(like)]
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil
}
