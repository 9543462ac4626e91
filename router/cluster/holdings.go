package cluster

import (
	"time"

	"github.com/wamp-operator/wamp-operator/router/pattern"
)

// holdings are what is declared of calls that may have no callee yet: how long those of which URIs may
// wait for one, and how long they may take in all.
type holdings struct {
	holds    map[string]*realmHoldings
	timeouts map[string]*realmTimeouts
}

type realmHoldings struct {
	exact    map[string]time.Duration
	patterns pattern.Index[time.Duration]
}

func newHoldings(declared map[ProcedureKey]*Declaration) *holdings {
	all := holdings{holds: map[string]*realmHoldings{}, timeouts: newTimeouts(declared)}
	for k, d := range declared {
		if d.Hold <= 0 {
			continue
		}
		r := all.holds[k.Realm]
		if r == nil {
			r = &realmHoldings{exact: map[string]time.Duration{}}
			all.holds[k.Realm] = r
		}
		if k.Match == Exact {
			r.exact[k.URI] = d.Hold
		} else {
			r.patterns.Add(k.Match, k.URI, d.Hold)
		}
	}
	return &all
}

// of is the longest hold of the declarations that match a URI.
func (h *holdings) of(realm, uri string) time.Duration {
	if h == nil {
		return 0
	}
	r := h.holds[realm]
	if r == nil {
		return 0
	}
	hold := r.exact[uri]
	r.patterns.Each(uri, func(d time.Duration) { hold = max(hold, d) })
	return hold
}
