package auth

import (
	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Realm is the compiled access rules of one realm; it does not change.
type Realm struct {
	name       string
	roles      map[string]*Role
	anonymous  *Role // nil: nobody without a name gets in
	principals map[string]*principal
	// order is the principals as they are declared, for decoys; byKey are those with a
	// public key.
	order []*principal
	byKey map[string]*principal
	// authenticators by method.
	authenticators map[string]*authenticator
	// offered are the methods that somebody can use.
	offered map[string]bool
	// key makes up what decoys have.
	key      []byte
	problems []Problem
}

// Problem is a principal that cannot log in by a method, and why.
type Problem struct {
	Realm   string
	AuthID  string
	Method  string
	Message string // what is wrong and what to do
}

func (p Problem) String() string {
	return "principal " + p.AuthID + " of realm " + p.Realm + " cannot log in by " + p.Method + ": " + p.Message
}

// Options are what a WampRealm refers to.
type Options struct {
	// Secret gives the data of a Secret; nil: there are none.
	Secret func(namespace, name string) (map[string][]byte, bool)
	// Key makes up the salts of principals that are not there. It should be secret, stay the
	// same when the router restarts, and be the same on every replica; when empty it is made
	// of the secrets of the realm, and so changes with them, or where there are none it is
	// random bytes of this process.
	Key []byte
	// Warn is told, once for each authenticator, what in its answers lets a guesser tell the
	// names that it knows; nil: nobody is.
	Warn func(message string)
}

// Compile turns a validated WampRealm that refers to no Secret into its access rules.
func Compile(r *v1alpha1.WampRealm) *Realm { return CompileWith(r, Options{}) }

// CompileWith turns a validated WampRealm into its access rules. What of its principals cannot
// be used is in Problems; everything else is served.
func CompileWith(r *v1alpha1.WampRealm, with Options) *Realm {
	realm := &Realm{
		name: r.Spec.Realm, roles: make(map[string]*Role, len(r.Spec.Roles)),
		principals: make(map[string]*principal, len(r.Spec.Principals)), byKey: map[string]*principal{},
		authenticators: map[string]*authenticator{}, offered: map[string]bool{},
	}
	for i := range r.Spec.Roles {
		role := compileRole(&r.Spec.Roles[i])
		realm.roles[role.Name] = role
	}
	if r.Spec.Anonymous != nil {
		realm.anonymous = realm.roles[r.Spec.Anonymous.Role]
	}
	secrets := secrets{namespace: r.Namespace, get: with.Secret, seen: newMAC([]byte("wamp-router decoys"))}
	for i := range r.Spec.Principals {
		realm.add(&r.Spec.Principals[i], &secrets)
	}
	realm.key = realm.decoyKey(with.Key, &secrets)
	for _, a := range r.Spec.Authenticators {
		for _, method := range a.Methods {
			realm.authenticators[string(method)] = newAuthenticator(&a, realm.name, with.Warn)
			realm.offered[string(method)] = true
		}
	}
	return realm
}

// Problems are the principals that cannot log in as declared. A nil Realm has none.
func (r *Realm) Problems() []Problem {
	if r == nil {
		return nil
	}
	return r.problems
}

// Role gives a role by name, or nil. It is looked up again for a session when the rules of its
// realm were replaced. A nil Realm, which is served no more, has none.
func (r *Realm) Role(name string) *Role {
	if r == nil {
		return nil
	}
	return r.roles[name]
}

// Identity is who a session is.
type Identity struct {
	AuthID   string
	Method   string
	Provider string // WELCOME.Details.authprovider
	Role     *Role
	Extra    map[string]any // WELCOME.Details.authextra
	// holds tells whether what the client proved still stands for the principal.
	holds func(p *principal) bool
}

// Stands tells whether a session that was admitted earlier would still be let in with its role:
// the way it came in is still declared, and so are the principal, its role, and the key or
// certificate that it showed. A new secret does not end sessions.
func (r *Realm) Stands(id Identity) bool {
	if r == nil || id.Role == nil || r.roles[id.Role.Name] == nil {
		return false
	}
	switch {
	case id.Provider == dynamic:
		return r.authenticators[id.Method] != nil
	case id.Method == Anonymous:
		return r.anonymous != nil && r.anonymous.Name == id.Role.Name
	}
	p := r.principals[id.AuthID]
	return p != nil && p.role.Name == id.Role.Name && p.can(id.Method) && (id.holds == nil || id.holds(p))
}

func orElse(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
