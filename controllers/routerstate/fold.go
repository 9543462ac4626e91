package routerstate

import (
	"cmp"
	"slices"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// report is what one router has said on its present stream.
type report struct {
	replica    v1alpha1.RouterReplicaState
	procedures map[snapshot.ProcedureKey]v1alpha1.RouterProcedureState
}

// fold takes a line of the stream in and returns the procedures that it changed. The first line
// of a stream has to be complete; lines before that say nothing and change nothing.
func (r *report) fold(line *v1alpha1.RouterState) (changed []snapshot.ProcedureKey, heard bool) {
	if r.procedures == nil && !line.Complete {
		return nil, false
	}
	if line.Router != nil {
		r.replica = *line.Router
	}
	if line.Complete {
		return r.replace(line.Procedures), true
	}
	for _, p := range line.Procedures {
		key := keyOf(p)
		old, known := r.procedures[key]
		switch {
		case len(p.Callees) == 0 && known:
			delete(r.procedures, key)
			changed = append(changed, key)
		case len(p.Callees) > 0 && (!known || !equal(old, p)):
			r.procedures[key] = p
			changed = append(changed, key)
		}
	}
	return changed, true
}

func (r *report) replace(procedures []v1alpha1.RouterProcedureState) (changed []snapshot.ProcedureKey) {
	next := make(map[snapshot.ProcedureKey]v1alpha1.RouterProcedureState, len(procedures))
	for _, p := range procedures {
		if len(p.Callees) > 0 {
			next[keyOf(p)] = p
		}
	}
	for key, p := range next {
		if old, known := r.procedures[key]; !known || !equal(old, p) {
			changed = append(changed, key)
		}
	}
	for key := range r.procedures {
		if _, still := next[key]; !still {
			changed = append(changed, key)
		}
	}
	r.procedures = next
	return changed
}

// merge gives a procedure as the whole cluster has it, from the reports of the routers that are
// heard: of each router's own callees its own word, of the others' what the rest say.
func merge(key snapshot.ProcedureKey, reports map[string]*report) (Procedure, bool) {
	var out Procedure
	type id struct {
		replica string
		session uint64
	}
	seen := map[id]bool{}
	for _, speaker := range sortedNames(reports) {
		p, known := reports[speaker].procedures[key]
		if !known {
			continue
		}
		if out.Registration == 0 {
			out.Registration, out.Invoke = p.Registration, p.Invoke
		}
		for _, callee := range p.Callees {
			_, speaksForItself := reports[callee.Replica]
			if callee.Replica != speaker && speaksForItself {
				continue
			}
			if k := (id{callee.Replica, callee.Session}); !seen[k] {
				seen[k] = true
				out.Callees = append(out.Callees, callee)
			}
		}
	}
	slices.SortFunc(out.Callees, func(a, b v1alpha1.RouterCalleeState) int {
		return cmp.Or(cmp.Compare(a.Stamp, b.Stamp), cmp.Compare(a.Replica, b.Replica), cmp.Compare(a.Session, b.Session))
	})
	return out, len(out.Callees) > 0
}

func keyOf(p v1alpha1.RouterProcedureState) snapshot.ProcedureKey {
	return snapshot.ProcedureKey{Realm: p.Realm, URI: p.URI, Match: p.Match}
}

func equal(a, b v1alpha1.RouterProcedureState) bool {
	return a.Invoke == b.Invoke && a.Registration == b.Registration && slices.Equal(a.Callees, b.Callees)
}

func sortedNames(reports map[string]*report) []string {
	names := make([]string, 0, len(reports))
	for name := range reports {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
