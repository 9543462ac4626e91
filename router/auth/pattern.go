package auth

import (
	"strings"

	"github.com/wamp-operator/wamp-operator/router/pattern"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// AllowsPattern tells whether the role may do action with every URI that the pattern matches: a
// callee of a pattern gets the calls of all of them. For each URI its own most specific permission
// decides, so permissions that are narrower than the pattern must allow it as well as the one that
// covers it. A nil Role may do nothing.
func (r *Role) AllowsPattern(action Action, match wamp.Match, uri string) bool {
	if match == wamp.Exact {
		return r.Allows(action, uri)
	}
	if r == nil {
		return false
	}
	for permitted, allow := range r.exact {
		if allow&action == 0 && pattern.Matches(match, uri, permitted) {
			return false
		}
	}
	components := strings.Split(uri, ".")
	for i := range r.prefix {
		q := &r.prefix[i]
		var overlaps, covers bool
		if match == wamp.Prefix {
			covers = strings.HasPrefix(uri, q.uri)
			overlaps = covers || strings.HasPrefix(q.uri, uri)
		} else {
			overlaps, covers = prefixMeets(q.uri, components), strings.HasPrefix(literalHead(uri), q.uri)
		}
		if decided := covers || overlaps && q.allow&action == 0; decided {
			return q.allow&action != 0
		}
	}
	for i := range r.wildcard {
		q := &r.wildcard[i]
		var overlaps, covers bool
		if match == wamp.Prefix {
			overlaps = prefixMeets(uri, q.components)
		} else {
			overlaps, covers = wildcardsMeet(q.components, components)
		}
		if decided := covers || overlaps && q.allow&action == 0; decided {
			return q.allow&action != 0
		}
	}
	return false
}

// literalHead is what every URI that matches the wildcard pattern begins with.
func literalHead(uri string) string {
	if strings.HasPrefix(uri, ".") {
		return ""
	}
	if i := strings.Index(uri, ".."); i >= 0 {
		return uri[:i+1]
	}
	return uri
}

// prefixMeets tells whether some URI begins with the prefix and matches the wildcard components.
func prefixMeets(prefix string, wildcard []string) bool {
	for i, c := range wildcard {
		component, rest, more := strings.Cut(prefix, ".")
		switch {
		case more && c != "" && c != component:
			return false
		case !more:
			return c == "" || strings.HasPrefix(c, component)
		case i == len(wildcard)-1:
			return false // the prefix has more components
		}
		prefix = rest
	}
	return false
}

// wildcardsMeet tells whether some URI matches both, and whether all that match b match a.
func wildcardsMeet(a, b []string) (meet, covers bool) {
	if len(a) != len(b) {
		return false, false
	}
	covers = true
	for i := range a {
		if a[i] != "" && b[i] != "" && a[i] != b[i] {
			return false, false
		}
		covers = covers && (a[i] == "" || a[i] == b[i])
	}
	return true, covers
}
