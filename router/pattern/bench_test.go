package pattern

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// BenchmarkMiss looks for a URI that none of many patterns matches: what an event or a call that has
// nothing to do with them pays.
func BenchmarkMiss(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		for match, pattern := range map[wamp.Match]string{wamp.Prefix: "com.p%06d.", wamp.Wildcard: "com..p%06d"} {
			b.Run(fmt.Sprintf("%s=%d", match, n), func(b *testing.B) {
				var p Index[int]
				for i := range n {
					p.Add(match, fmt.Sprintf(pattern, i), i)
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, ok := p.Best("com.example.other"); ok {
						b.Fatal("found something")
					}
				}
			})
		}
	}
}

// BenchmarkWorstWildcards looks in a tree that has, at each component, both the name and the wildcard.
func BenchmarkWorstWildcards(b *testing.B) {
	for _, components := range []int{4, 8, 12} {
		b.Run(fmt.Sprintf("components=%d", components), func(b *testing.B) {
			var p Index[int]
			for i := range 1 << components {
				parts := make([]string, components, components+1)
				for c := range parts {
					parts[c] = strings.Repeat("a", i>>c&1)
				}
				p.Add(wamp.Wildcard, strings.Join(append(parts, "end"), "."), i)
			}
			uri := strings.Repeat("a.", components) + "other"
			for b.Loop() {
				p.Each(uri, func(int) { b.Fatal("found something") })
			}
		})
	}
}
