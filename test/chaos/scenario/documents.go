package scenario

import (
	"fmt"

	"github.com/wamp-operator/wamp-operator/test/chaos/load"
)

const group = "wamp-operator.io/v1alpha1"

// resource is a document for the routers, as a person would write it.
func resource(kind, name string, spec map[string]any) any {
	return map[string]any{"apiVersion": group, "kind": kind, "metadata": map[string]any{"name": name}, "spec": spec}
}

var ours = map[string]any{"name": "chaos"}

// documents are what the routers serve: a realm in which everybody may do everything, and what
// the scenario wants declared.
func (r *Run) documents() []any {
	all := []any{resource("WampRealm", "chaos", map[string]any{
		"clusterRef": ours, "realm": load.Realm,
		"anonymous": map[string]any{"role": "anonymous"},
		"roles": []any{map[string]any{"name": "anonymous", "permissions": []any{map[string]any{
			"uri": "", "match": "prefix", "allow": []string{"call", "register", "publish", "subscribe"},
		}}}},
	})}
	if r.scenario.Majority {
		all = append(all, resource("WampCluster", "chaos", map[string]any{"replicas": r.cfg.Replicas, "partitionPolicy": "Majority"}))
	}
	if r.scenario.Hold == 0 && !r.scenario.Idempotent {
		return all
	}
	for i := range r.cfg.Lanes {
		spec := map[string]any{"clusterRef": ours, "realm": load.Realm, "uri": load.LaneURI(i), "invoke": "roundrobin"}
		if r.scenario.Hold > 0 {
			spec["hold"] = r.scenario.Hold.String()
		}
		if r.scenario.Idempotent {
			spec["idempotent"] = true
		}
		all = append(all, resource("WampProcedure", fmt.Sprintf("lane-%d", i), spec))
	}
	return all
}
