package cluster

import (
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Policy is the invocation policy of a shared registration (WAMP advanced profile, "Shared
// Registration").
type Policy uint8

const (
	Single Policy = iota
	RoundRobin
	Random
	First
	Last
)

var policyNames = [...]string{"single", "roundrobin", "random", "first", "last"}

func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// ParsePolicy reads the value of the option `invoke`; empty is single.
func ParsePolicy(s string) (Policy, error) {
	if s == "" {
		return Single, nil
	}
	for i, name := range policyNames {
		if s == name {
			return Policy(i), nil
		}
	}
	return 0, fmt.Errorf("invoke %q is not a policy: use single, roundrobin, random, first or last", s)
}

// Match says how the URI of a registration or subscription is matched.
type Match = wamp.Match

const (
	Exact    = wamp.Exact
	Prefix   = wamp.Prefix
	Wildcard = wamp.Wildcard
)

// ParseMatch reads the value of the option `match`; empty is exact.
func ParseMatch(s string) (Match, error) { return wamp.ParseMatch(s) }
