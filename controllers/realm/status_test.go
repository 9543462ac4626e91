package realm

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/attachment"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

func TestStatus(t *testing.T) {
	realm := &v1alpha1.WampRealm{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
	accepted, resolved := conditions.True("Accepted", "Fine."), conditions.True("Resolved", "Fine.")
	now := time.Unix(5000, 0)
	for name, c := range map[string]struct {
		facts                       attachment.Facts
		programmed, ready, resolved string
	}{
		"served":       {attachment.Facts{Accepted: accepted, ResolvedRefs: resolved, Hearing: routerstate.Heard, Serving: 2, Current: 2}, "True Programmed", "True Ready", "True Resolved"},
		"on its way":   {attachment.Facts{Accepted: accepted, ResolvedRefs: resolved, Hearing: routerstate.Heard, Serving: 2, Current: 1}, "False Pending", "False Pending", "True Resolved"},
		"not accepted": {attachment.Facts{Accepted: conditions.False("Conflict", "Delete one."), Hearing: routerstate.Heard, Serving: 2}, "False NotAccepted", "False Conflict", "Unknown NotAccepted"},
		"no routers":   {attachment.Facts{Accepted: accepted, ResolvedRefs: resolved, Hearing: routerstate.Empty}, "False NoRouters", "False NoRouters", "True Resolved"},
		"unheard":      {attachment.Facts{Accepted: accepted, ResolvedRefs: resolved}, "Unknown NotHeardYet", "Unknown NotHeardYet", "True Resolved"},
		"without a Secret": {attachment.Facts{Accepted: accepted, Hearing: routerstate.Heard, Serving: 2, Current: 2,
			ResolvedRefs: conditions.False("SecretNotFound", "There is no Secret.")}, "True Programmed", "False SecretNotFound", "False SecretNotFound"},
	} {
		got := status(realm, c.facts, now)
		for kind, want := range map[string]string{"Programmed": c.programmed, "Ready": c.ready, "ResolvedRefs": c.resolved} {
			condition := meta.FindStatusCondition(got.Conditions, kind)
			if is := string(condition.Status) + " " + condition.Reason; is != want || condition.Message == "" {
				t.Errorf("%s: %s is %s (%s), want %s", name, kind, is, condition.Message, want)
			}
		}
	}
	// An operator that has just started writes nothing over what is there.
	realm.Status = status(realm, attachment.Facts{Accepted: accepted, ResolvedRefs: resolved, Hearing: routerstate.Heard, Serving: 2, Current: 2}, now)
	if got := status(realm, attachment.Facts{Accepted: accepted, ResolvedRefs: resolved}, now.Add(time.Hour)); !equality.Semantic.DeepEqual(got, realm.Status) {
		t.Errorf("written anew: %+v", got)
	}
}
