package routerstate

import (
	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Merge gives every procedure as the whole cluster has it, from one complete line of each router by the
// name of its pod: what a Watcher knows, for those who look once.
func Merge(lines map[string]*v1alpha1.RouterState) map[snapshot.ProcedureKey]Procedure {
	reports := make(map[string]*report, len(lines))
	keys := map[snapshot.ProcedureKey]struct{}{}
	for replica, line := range lines {
		r := &report{}
		if _, heard := r.fold(line); !heard {
			continue
		}
		reports[replica] = r
		for key := range r.procedures {
			keys[key] = struct{}{}
		}
	}
	out := make(map[snapshot.ProcedureKey]Procedure, len(keys))
	for key := range keys {
		if p, found := merge(key, reports); found {
			out[key] = p
		}
	}
	return out
}
