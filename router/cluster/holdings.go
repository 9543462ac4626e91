package cluster

import (
	"time"

	"github.com/wamp-operator/wamp-operator/router/pattern"
)

// holdings are the holds that are declared: how long the calls of which URIs may wait.
type holdings map[string]*realmHoldings

type realmHoldings struct {
	exact    map[string]time.Duration
	patterns pattern.Index[time.Duration]
}

func newHoldings(declared map[ProcedureKey]*Declaration) *holdings {
	all := holdings{}
	for k, d := range declared {
		if d.Hold <= 0 {
			continue
		}
		r := all[k.Realm]
		if r == nil {
			r = &realmHoldings{exact: map[string]time.Duration{}}
			all[k.Realm] = r
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
	r := (*h)[realm]
	if r == nil {
		return 0
	}
	hold := r.exact[uri]
	r.patterns.Each(uri, func(d time.Duration) { hold = max(hold, d) })
	return hold
}
