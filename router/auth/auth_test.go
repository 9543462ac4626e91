package auth

import (
	"errors"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

func realm(anonymous string, permissions ...v1alpha1.Permission) *Realm {
	r := &v1alpha1.WampRealm{Spec: v1alpha1.WampRealmSpec{
		Realm: "realm1",
		Roles: []v1alpha1.Role{{Name: "guest", Permissions: permissions}},
	}}
	if anonymous != "" {
		r.Spec.Anonymous = &v1alpha1.AnonymousAccess{Role: anonymous}
	}
	return Compile(r)
}

func allow(match v1alpha1.PatternMatch, uri string, actions ...v1alpha1.Action) v1alpha1.Permission {
	return v1alpha1.Permission{URI: uri, Match: match, Allow: actions}
}

// The most specific permission decides alone: a wide permission must not leak through a
// narrow one.
func TestMostSpecificPermissionDecides(t *testing.T) {
	const exact, pre, wild = v1alpha1.PatternExact, v1alpha1.PatternPrefix, v1alpha1.PatternWildcard
	role := realm("guest",
		allow(pre, "com.", v1alpha1.ActionCall, v1alpha1.ActionRegister),
		allow(pre, "com.secret.", v1alpha1.ActionRegister),
		allow(exact, "com.secret.open", v1alpha1.ActionCall),
		allow(exact, "com.secret.open", v1alpha1.ActionPublish),
		allow(wild, "org..add", v1alpha1.ActionCall),
		allow(wild, "org.math.", v1alpha1.ActionRegister),
		allow(wild, "..add", v1alpha1.ActionSubscribe),
	).Role("guest")
	for _, c := range []struct {
		action Action
		uri    string
		want   bool
	}{
		{Call, "com.example.add", true},
		{Publish, "com.example.add", false},
		{Call, "com.secret.add", false},
		{Register, "com.secret.add", true},
		{Call, "com.secret.open", true},
		{Publish, "com.secret.open", true},   // same pattern twice adds up
		{Register, "com.secret.open", false}, // exact decides alone
		{Call, "org.x.add", true},
		{Call, "org.x.y.add", false},  // as many components as the pattern
		{Call, "org.math.add", false}, // the longer literal head decides
		{Register, "org.math.add", true},
		{Subscribe, "net.math.add", true},
		{Subscribe, "net.math.sub", false},
		{Call, "comx", false},
		{Call, "org", false},
	} {
		if got := role.Allows(c.action, c.uri); got != c.want {
			t.Errorf("%v %s: allowed %v, want %v", c.action, c.uri, got, c.want)
		}
	}
}

func TestNobodyGetsInWhereNothingIsDeclared(t *testing.T) {
	for _, c := range []struct {
		name    string
		realm   *Realm
		methods []string
		in      bool
	}{
		{"anonymous declared, nothing offered", realm("guest"), nil, true},
		{"anonymous declared and offered", realm("guest"), []string{"ticket", "anonymous"}, true},
		{"anonymous declared, not offered", realm("guest"), []string{"ticket"}, false},
		{"anonymous not declared", realm(""), nil, false},
		{"anonymous not declared but offered", realm(""), []string{"anonymous"}, false},
	} {
		id, err := c.realm.Admit(t.Context(), &Attempt{Methods: c.methods, Guest: "made-up"})
		if (err == nil) != c.in {
			t.Errorf("%s: got in %v, want %v", c.name, err == nil, c.in)
		}
		var refusal *Refusal
		if err != nil && (!errors.As(err, &refusal) || id.Role != nil) {
			t.Errorf("%s: refused with %v and role %v", c.name, err, id.Role)
		}
	}
	var none *Role
	if none.Allows(Call, "com.example.add") {
		t.Error("a session without a role may call")
	}
}

func BenchmarkAllows(b *testing.B) {
	role := realm("guest", allow(v1alpha1.PatternPrefix, "", v1alpha1.ActionCall)).Role("guest")
	b.ReportAllocs()
	for b.Loop() {
		role.Allows(Call, "com.example.add")
	}
}

// A narrow permission that allows nothing takes away what a wide one gives.
func TestEmptyAllowTakesAway(t *testing.T) {
	role := compileRole(&v1alpha1.Role{Name: "a", Permissions: []v1alpha1.Permission{
		{URI: "com.", Match: v1alpha1.PatternPrefix, Allow: []v1alpha1.Action{v1alpha1.ActionCall}},
		{URI: "com.example.internal.", Match: v1alpha1.PatternPrefix, Allow: []v1alpha1.Action{}},
	}})
	if !role.Allows(Call, "com.example.add") || role.Allows(Call, "com.example.internal.add") {
		t.Error("the narrow permission does not decide")
	}
}

// Who is always named is so where the deciding permission says it, for what that permission allows.
func TestAlwaysDisclose(t *testing.T) {
	const always = v1alpha1.DiscloseAlways
	role := compileRole(&v1alpha1.Role{Name: "a", Permissions: []v1alpha1.Permission{
		{URI: "com.", Match: v1alpha1.PatternPrefix, Allow: []v1alpha1.Action{v1alpha1.ActionCall, v1alpha1.ActionPublish}, Disclose: always},
		{URI: "com.quiet.", Match: v1alpha1.PatternPrefix, Allow: []v1alpha1.Action{v1alpha1.ActionCall, v1alpha1.ActionDisclose}},
		{URI: "com.half", Match: v1alpha1.PatternExact, Allow: []v1alpha1.Action{v1alpha1.ActionCall, v1alpha1.ActionRegister}, Disclose: always},
		{URI: "com.half", Match: v1alpha1.PatternExact, Allow: []v1alpha1.Action{v1alpha1.ActionPublish}, Disclose: v1alpha1.DiscloseAsked},
	}})
	for uri, want := range map[string]Action{
		"com.add":       Call | Publish | NameCaller | NamePublisher,
		"com.quiet.add": Call | Disclose,
		"com.half":      Call | Register | Publish | NameCaller,
		"org.add":       0,
	} {
		if got := role.Actions(uri); got != want {
			t.Errorf("%s: %b, want %b", uri, got, want)
		}
	}
	if (*Role)(nil).Actions("com.add") != 0 {
		t.Error("a session without a role may do something")
	}
}
