package pattern

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// The precedence of the WAMP text: the longest prefix, else the wildcard pattern that names the
// most components from the left.
func TestPatternPrecedence(t *testing.T) {
	var p Index[string]
	for _, uri := range []string{"com.example", "com.example.a", "com.example.a.b."} {
		p.Add(wamp.Prefix, uri, "prefix "+uri)
	}
	for _, uri := range []string{"org..c", "org.b.", "org..", "org.b..d", "org..c.d", "..c"} {
		p.Add(wamp.Wildcard, uri, "wildcard "+uri)
	}
	for uri, want := range map[string]string{
		"com.example":       "prefix com.example",
		"com.examples":      "prefix com.example",
		"com.example.ab":    "prefix com.example.a",
		"com.example.a.b":   "prefix com.example.a",
		"com.example.a.b.c": "prefix com.example.a.b.",
		"org.b.c":           "wildcard org.b.",
		"org.x.c":           "wildcard org..c",
		"org.x.y":           "wildcard org..",
		"org.b.c.d":         "wildcard org.b..d",
		"org.x.c.d":         "wildcard org..c.d",
		"net.x.c":           "wildcard ..c",
		"net.x.y":           "",
		"com":               "",
		"org":               "",
		"org.b":             "",
	} {
		if got, _ := p.Best(uri); got != want {
			t.Errorf("%s goes to %q, want %q", uri, got, want)
		}
	}
}

// Whatever patterns come and go, the index finds what comparing with each of them finds.
func TestPatternsFindWhatMatches(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		word := func() string { return []string{"a", "b", "ab", ""}[random.IntN(4)] }
		uri := func(empty bool) string {
			var parts []string
			for range 1 + random.IntN(4) {
				part := word()
				if part == "" && !empty {
					part = "c"
				}
				parts = append(parts, part)
			}
			return strings.Join(parts, ".")
		}
		type key struct {
			match wamp.Match
			uri   string
		}
		var p Index[key]
		there := map[key]bool{}
		for range 500 {
			k := key{wamp.Prefix, uri(false)}
			if random.IntN(2) == 0 {
				k = key{wamp.Wildcard, uri(true)}
			}
			if there[k] {
				p.Remove(k.match, k.uri)
				delete(there, k)
			} else {
				p.Add(k.match, k.uri, k)
				there[k] = true
			}
			called := uri(false)
			var want, got []string
			for k := range there {
				if Matches(k.match, k.uri, called) {
					want = append(want, fmt.Sprint(k))
				}
			}
			p.Each(called, func(k key) { got = append(got, fmt.Sprint(k)) })
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Fatalf("seed %d: %q matches %v, found %v", seed, called, want, got)
			}
			if best, ok := p.Best(called); ok != (len(want) > 0) || ok && !slices.Contains(want, fmt.Sprint(best)) {
				t.Fatalf("seed %d: the best of %v is %v", seed, want, best)
			}
		}
		for k := range there {
			p.Remove(k.match, k.uri)
		}
		if p.count.Load() != 0 || len(p.prefixes)+len(p.lengths)+len(p.wildcard.next) != 0 {
			t.Errorf("seed %d: something is left: %+v", seed, &p)
		}
	}
}
