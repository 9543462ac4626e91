package auth

import (
	"slices"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Methods of authentication, as they stand in HELLO.Details.authmethods.
const Anonymous = "anonymous"

// Realm is the compiled access rules of one realm; it does not change.
type Realm struct {
	roles     map[string]*Role
	anonymous *Role // nil: nobody without a name gets in
}

// Compile turns a validated WampRealm into its access rules.
func Compile(r *v1alpha1.WampRealm) *Realm {
	realm := &Realm{roles: make(map[string]*Role, len(r.Spec.Roles))}
	for i := range r.Spec.Roles {
		role := compileRole(&r.Spec.Roles[i])
		realm.roles[role.Name] = role
	}
	if r.Spec.Anonymous != nil {
		realm.anonymous = realm.roles[r.Spec.Anonymous.Role]
	}
	return realm
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
}

// Authenticate admits a client that offers these methods (HELLO.Details.authmethods; offering
// none means anonymous), or says why not with a *Refusal. What an anonymous client calls itself
// (HELLO.Details.authid) proves nothing, so it gets authID, which the router made up.
func (r *Realm) Authenticate(methods []string, authID string) (Identity, error) {
	if len(methods) > 0 && !slices.Contains(methods, Anonymous) {
		return Identity{}, &Refusal{Method: methods[0]}
	}
	if r.anonymous == nil {
		return Identity{}, &Refusal{Method: Anonymous}
	}
	return Identity{AuthID: authID, Method: Anonymous, Role: r.anonymous}, nil
}

// Refusal says that no method that the client offers is open in the realm.
type Refusal struct{ Method string }

func (e *Refusal) Error() string {
	if e.Method == Anonymous {
		return "the realm lets nobody in without a name: spec.anonymous of its WampRealm would allow it"
	}
	return "the realm knows no authentication by " + e.Method
}
