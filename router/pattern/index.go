// Package pattern finds the pattern-based registrations, subscriptions and permissions that a URI
// matches.
package pattern

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Index finds the prefix and wildcard patterns that match a URI. Looking costs one map lookup for
// each length of prefix there is, and a walk down the components of the URI, which is two map lookups
// for each place in the tree that it comes to: at most as many as the beginnings of wildcard patterns
// that match, whose number doubles with each component at most. Nothing when there are no patterns.
// The zero Index is empty and ready, and safe for concurrent use.
type Index[V any] struct {
	count    atomic.Int64
	mu       sync.RWMutex
	prefixes map[string]V
	lengths  []length // of the prefixes, longest first
	wildcard node[V]
}

// length is how long some prefixes are, and how many of them.
type length struct{ bytes, prefixes int }

func byLength(l length, bytes int) int { return bytes - l.bytes }

// node is a place in the tree of wildcard patterns, one level a component; the component "" is
// the one that matches any.
type node[V any] struct {
	next  map[string]*node[V]
	value V
	ends  bool // a pattern ends here
}

// Add takes a value for a pattern, which must not be there yet.
func (p *Index[V]) Add(match wamp.Match, uri string, v V) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Add(1)
	if match == wamp.Prefix {
		if p.prefixes == nil {
			p.prefixes = map[string]V{}
		}
		p.prefixes[uri] = v
		at, found := slices.BinarySearchFunc(p.lengths, len(uri), byLength)
		if !found {
			p.lengths = slices.Insert(p.lengths, at, length{bytes: len(uri)})
		}
		p.lengths[at].prefixes++
		return
	}
	at := &p.wildcard
	for component := range strings.SplitSeq(uri, ".") {
		if at.next == nil {
			at.next = map[string]*node[V]{}
		}
		if at.next[component] == nil {
			at.next[component] = &node[V]{}
		}
		at = at.next[component]
	}
	at.value, at.ends = v, true
}

// Remove takes back what Add was called with.
func (p *Index[V]) Remove(match wamp.Match, uri string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Add(-1)
	if match == wamp.Prefix {
		delete(p.prefixes, uri)
		at, _ := slices.BinarySearchFunc(p.lengths, len(uri), byLength)
		if p.lengths[at].prefixes--; p.lengths[at].prefixes == 0 {
			p.lengths = slices.Delete(p.lengths, at, at+1)
		}
		return
	}
	p.wildcard.remove(uri)
}

// remove tells whether nothing is left below and at the node.
func (n *node[V]) remove(uri string) (empty bool) {
	component, rest, more := strings.Cut(uri, ".")
	if below := n.next[component]; below != nil {
		if !more {
			var none V
			below.value, below.ends = none, false
		}
		if more && below.remove(rest) || !more && len(below.next) == 0 {
			if !below.ends {
				delete(n.next, component)
			}
		}
	}
	return len(n.next) == 0
}

// Best gives the value of the pattern that decides alone: the longest prefix, else the wildcard
// pattern that names the most components from the left (WAMP advanced profile, "Pattern-based
// Registrations").
func (p *Index[V]) Best(uri string) (v V, ok bool) {
	if p.count.Load() == 0 {
		return v, false
	}
	p.walk(uri, func(found V) bool {
		v, ok = found, true
		return false
	})
	return v, ok
}

// Each calls f for the value of every pattern that matches.
func (p *Index[V]) Each(uri string, f func(V)) {
	if p.count.Load() == 0 {
		return
	}
	p.walk(uri, func(v V) bool {
		f(v)
		return true
	})
}

// walk calls f for the values of the patterns that match, those first that decide; it ends when f
// says so.
func (p *Index[V]) walk(uri string, f func(V) bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, l := range p.lengths {
		if l.bytes > len(uri) {
			continue
		}
		if v, ok := p.prefixes[uri[:l.bytes]]; ok && !f(v) {
			return
		}
	}
	p.wildcard.walk(uri, f)
}

// walk calls f for the patterns that match, those first that name a component where the others
// have a wildcard; it ends when f says so.
func (n *node[V]) walk(uri string, f func(V) bool) bool {
	component, rest, more := strings.Cut(uri, ".")
	for _, name := range [...]string{component, ""} {
		if below := n.next[name]; below != nil {
			if !more && below.ends && !f(below.value) || more && !below.walk(rest, f) {
				return false
			}
		}
		if component == "" {
			break // an empty component is the wildcard itself
		}
	}
	return true
}

// Matches compares a URI with one pattern. With Exact they must be the same.
func Matches(match wamp.Match, pattern, uri string) bool {
	switch match {
	case wamp.Prefix:
		return strings.HasPrefix(uri, pattern)
	case wamp.Wildcard:
		for {
			want, pattern2, moreWanted := strings.Cut(pattern, ".")
			component, rest, more := strings.Cut(uri, ".")
			if more != moreWanted || want != "" && want != component {
				return false
			}
			if !more {
				return true
			}
			pattern, uri = pattern2, rest
		}
	}
	return uri == pattern
}
