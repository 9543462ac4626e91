package router

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/admin"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Links implements admin.Source.
func (r *Router) Links() v1alpha1.RouterLinks {
	links := v1alpha1.RouterLinks{Replica: r.replica()}
	for _, l := range r.node.Links() {
		links.Links = append(links.Links, v1alpha1.RouterLinkState{
			Replica: l.Replica, Member: string(l.Member), Up: l.Up, Via: l.Via, Since: metav1.NewTime(l.Since),
		})
	}
	return links
}

// Callees implements admin.Source.
func (r *Router) Callees(named admin.ProcedureKey) v1alpha1.RouterCallees {
	out := v1alpha1.RouterCallees{RouterProcedureState: r.Procedure(named)}
	if beyond := len(out.Callees) - v1alpha1.MaxRouterCallees; beyond > 0 {
		out.Callees, out.Omitted = out.Callees[:v1alpha1.MaxRouterCallees], beyond
	}
	realm := r.realms.get(named.Realm)
	for _, c := range out.Callees {
		var who v1alpha1.RouterSessionState
		if realm != nil {
			if info, ok := realm.handle.Session(wamp.ID(c.Session)); ok {
				who = v1alpha1.RouterSessionState{AuthID: info.AuthID, AuthRole: info.AuthRole}
			}
		}
		out.Sessions = append(out.Sessions, who)
	}
	key := cluster.ProcedureKey{Realm: named.Realm, URI: named.URI}
	key.Match, _ = cluster.ParseMatch(string(named.Match))
	out.LastTurn, out.Deals = r.node.LastTurn(key)
	return out
}
