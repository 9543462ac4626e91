package auth

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/pattern"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Role is a compiled set of permissions; it does not change.
//
// The most specific permission that matches a URI decides, alone: the exact one; else the
// longest prefix; else the wildcard with the longest literal head (its components before the
// first empty one), then the one with more literal components. This is the order in which a
// dealer chooses among registrations, so a narrow permission can take away what a wide one
// gives. Permissions with the same pattern add up.
type Role struct {
	Name     string
	trust    *int32
	exact    map[string]Action
	prefix   []prefix   // longest first
	wildcard []wildcard // most specific first
}

type prefix struct {
	uri   string
	allow Action
}

type wildcard struct {
	uri        string
	components []string // "" stands for any
	head       int      // literal components before the first ""
	literal    int      // literal components in all
	allow      Action
}

func compileRole(r *v1alpha1.Role) *Role {
	exact, prefixes, wildcards := map[string]Action{}, map[string]Action{}, map[string]Action{}
	for i := range r.Permissions {
		p := &r.Permissions[i]
		switch p.Match {
		case v1alpha1.PatternPrefix:
			prefixes[p.URI] |= actions(p)
		case v1alpha1.PatternWildcard:
			wildcards[p.URI] |= actions(p)
		default:
			exact[p.URI] |= actions(p)
		}
	}
	role := &Role{Name: r.Name, trust: r.TrustLevel, exact: exact}
	for uri, allow := range prefixes {
		role.prefix = append(role.prefix, prefix{uri, allow})
	}
	slices.SortFunc(role.prefix, func(a, b prefix) int {
		return cmp.Or(cmp.Compare(len(b.uri), len(a.uri)), strings.Compare(a.uri, b.uri))
	})
	for uri, allow := range wildcards {
		role.wildcard = append(role.wildcard, newWildcard(uri, allow))
	}
	slices.SortFunc(role.wildcard, func(a, b wildcard) int {
		return cmp.Or(cmp.Compare(b.head, a.head), cmp.Compare(b.literal, a.literal),
			slices.Compare(a.components, b.components))
	})
	return role
}

func newWildcard(uri string, allow Action) wildcard {
	w := wildcard{uri: uri, components: strings.Split(uri, "."), allow: allow}
	for _, c := range w.components {
		if c != "" {
			w.literal++
		}
	}
	w.head = slices.Index(w.components, "")
	if w.head < 0 {
		w.head = len(w.components)
	}
	return w
}

// TrustLevel is the role's trust level, if it has one. A nil Role has none.
func (r *Role) TrustLevel() (level uint64, ok bool) {
	if r == nil || r.trust == nil {
		return 0, false
	}
	return uint64(*r.trust), true
}

// Allows tells whether the role may do action with uri. A nil Role may do nothing.
func (r *Role) Allows(action Action, uri string) bool { return r.Actions(uri)&action != 0 }

// Actions are all that the role may do with uri. A nil Role may do nothing.
func (r *Role) Actions(uri string) Action {
	if r == nil {
		return 0
	}
	if allow, ok := r.exact[uri]; ok {
		return allow
	}
	for i := range r.prefix {
		if strings.HasPrefix(uri, r.prefix[i].uri) {
			return r.prefix[i].allow
		}
	}
	for i := range r.wildcard {
		if pattern.Matches(wamp.Wildcard, r.wildcard[i].uri, uri) {
			return r.wildcard[i].allow
		}
	}
	return 0
}
