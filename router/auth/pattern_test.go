package auth

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/pattern"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// A pattern is allowed exactly when each URI that it matches is: whatever permissions there are,
// nobody registers by a pattern what he may not register by its name.
func TestPatternIsAllowedWhenAllItMatchesIs(t *testing.T) {
	words := []string{"a", "b", "ab"}
	// URIs of up to four components, which is one more than patterns name, also with words that
	// only begin like those that are named.
	var all []string
	for level := []string{""}; len(strings.Split(level[0], ".")) < 5; {
		var next []string
		for _, head := range level {
			for _, w := range []string{"a", "b", "ab", "ax", "bx", "abx"} {
				next = append(next, strings.TrimPrefix(head+"."+w, "."))
			}
		}
		all = append(all, next...)
		if level = next; strings.Count(level[0], ".") == 3 {
			break
		}
	}
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 7))
		some := func(match v1alpha1.PatternMatch) string {
			var parts []string
			for range 1 + random.IntN(3) {
				parts = append(parts, words[random.IntN(len(words))])
			}
			switch match {
			case v1alpha1.PatternWildcard:
				parts[random.IntN(len(parts))] = ""
			case v1alpha1.PatternPrefix:
				if random.IntN(3) == 0 {
					return strings.Join(parts, ".") + "."
				}
			}
			return strings.Join(parts, ".")
		}
		matches := []v1alpha1.PatternMatch{v1alpha1.PatternExact, v1alpha1.PatternPrefix, v1alpha1.PatternWildcard}
		spec := v1alpha1.Role{Name: "r"}
		for range random.IntN(5) {
			p := v1alpha1.Permission{Match: matches[random.IntN(3)], Allow: []v1alpha1.Action{v1alpha1.ActionRegister}}
			if random.IntN(3) == 0 {
				p.Allow = []v1alpha1.Action{v1alpha1.ActionCall}
			}
			p.URI = some(p.Match)
			spec.Permissions = append(spec.Permissions, p)
		}
		if random.IntN(2) == 0 {
			spec.Permissions = append(spec.Permissions, v1alpha1.Permission{Match: v1alpha1.PatternPrefix, Allow: []v1alpha1.Action{v1alpha1.ActionRegister}})
		}
		role := compileRole(&spec)
		match := wamp.Prefix
		uri := some(v1alpha1.PatternPrefix)
		if random.IntN(2) == 0 {
			match, uri = wamp.Wildcard, some(v1alpha1.PatternWildcard)
		}
		want := true
		for _, one := range all {
			want = want && (!pattern.Matches(match, uri, one) || role.Allows(Register, one))
		}
		got := role.AllowsPattern(Register, match, uri)
		if got && !want {
			t.Fatalf("seed %d: %v %q is allowed although something in it is not: %+v", seed, match, uri, spec.Permissions)
		}
		// URIs with other words or more components may match, too, and those need a permission that
		// covers the pattern; with one that covers everything there is no such difference.
		if last := len(spec.Permissions) - 1; !got && want && last >= 0 && spec.Permissions[last].URI == "" {
			t.Fatalf("seed %d: %v %q is not allowed although all in it is: %+v", seed, match, uri, spec.Permissions)
		}
	}
}
