package wamp

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Match is how a registration or subscription matches URIs.
type Match uint8

const (
	Exact Match = iota
	Prefix
	Wildcard
)

// String is the value of the match option: "exact", "prefix" or "wildcard".
func (m Match) String() string {
	switch m {
	case Prefix:
		return "prefix"
	case Wildcard:
		return "wildcard"
	}
	return "exact"
}

// ParseMatch is the inverse of [Match.String]; an empty string is [Exact].
func ParseMatch(s string) (Match, error) {
	switch s {
	case "", "exact":
		return Exact, nil
	case "prefix":
		return Prefix, nil
	case "wildcard":
		return Wildcard, nil
	}
	return 0, fmt.Errorf("unknown match %q: write exact, prefix or wildcard", shorten(s))
}

// ValidURI checks a URI that names one thing: components that are not empty, joined by dots
// (WAMP basic profile, "URIs"). By the loose rule a component has no white space, no dot
// and no #; by the strict rule it has only a to z, 0 to 9 and _. The error is a sentence for
// the peer. That wamp. belongs to the router is for the caller to check.
func ValidURI(uri string, strict bool) error { return ValidPattern(uri, Exact, strict) }

// ValidPattern checks a URI as an option of REGISTER or SUBSCRIBE gives it. A prefix may end
// in a dot, and a wildcard pattern may have empty components, which match any one component
// (WAMP advanced profile, "Pattern-based Registrations"). The empty string is never valid.
func ValidPattern(uri string, match Match, strict bool) error {
	if uri == "" {
		return fmt.Errorf("the URI is empty")
	}
	length := 0 // of the component so far
	for i, r := range uri {
		switch {
		case r == '.':
			if length == 0 && match != Wildcard {
				return uriError(uri, "has an empty component")
			}
			length = 0
			continue
		case r == '#':
			return uriError(uri, "has a #")
		case r == utf8.RuneError && !utf8.ValidString(uri[i:]):
			return uriError(uri, "is not valid UTF-8")
		case r < utf8.RuneSelf && strictByte[r]:
		case unicode.IsSpace(r):
			return uriError(uri, "has white space")
		case strict:
			return uriError(uri, fmt.Sprintf("has %q; only a-z, 0-9, _ and dots are allowed", r))
		}
		length++
	}
	if length == 0 && match == Exact {
		return uriError(uri, "has an empty component")
	}
	return nil
}

var strictByte = func() (ok [utf8.RuneSelf]bool) {
	for c := range ok {
		ok[c] = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
	}
	return ok
}()

func uriError(uri, why string) error {
	return fmt.Errorf("the URI %q %s", shorten(uri), why)
}
