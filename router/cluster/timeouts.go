package cluster

import (
	"time"

	"github.com/wamp-operator/wamp-operator/router/pattern"
)

// realmTimeouts are the timeouts that are declared in a realm, and, with 0, the declarations without
// one. There is none of a realm in which no declaration has one: its calls pay nothing.
type realmTimeouts struct {
	declared map[ProcedureKey]time.Duration
	patterns pattern.Index[time.Duration]
}

func newTimeouts(declared map[ProcedureKey]*Declaration) map[string]*realmTimeouts {
	all := map[string]*realmTimeouts{}
	for k, d := range declared {
		if d.Timeout > 0 && all[k.Realm] == nil {
			all[k.Realm] = &realmTimeouts{declared: map[ProcedureKey]time.Duration{}}
		}
	}
	for k, d := range declared {
		r := all[k.Realm]
		if r == nil {
			continue
		}
		r.declared[k] = d.Timeout
		if k.Match != Exact {
			r.patterns.Add(k.Match, k.URI, d.Timeout)
		}
	}
	return all
}

func (r *Realm) timeouts() *realmTimeouts {
	if all := r.node.calls.table.holdings.Load(); all != nil {
		return all.timeouts[r.name]
	}
	return nil
}

// Timed tells whether a timeout is declared in the realm, so that calls need not ask for one.
func (r *Realm) Timed() bool { return r.timeouts() != nil }

// Timeout is what is declared for the procedure that a call of the URI goes to now: the one with just
// that URI, else the pattern that decides. While nobody has registered any, the declaration that is
// the most specific counts. 0 is none.
func (r *Realm) Timeout(uri string) time.Duration {
	t := r.timeouts()
	if t == nil {
		return 0
	}
	exact, isExact := t.declared[ProcedureKey{Realm: r.name, Match: Exact, URI: uri}]
	best, isPattern := t.patterns.Best(uri)
	if !isExact && !isPattern {
		return 0
	}
	if p := r.node.calls.resolve(&routing{procedure: RegistrationID(r.name, Exact, uri), realm: r.name, uri: uri}); p != nil {
		return t.declared[p.key]
	}
	if isExact {
		return exact
	}
	return best
}
