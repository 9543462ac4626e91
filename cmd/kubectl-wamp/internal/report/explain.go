package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Explanation walks from the WampCluster to the callees of one WampProcedure.
type Explanation struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Realm     string `json:"realm"`
	URI       string `json:"uri"`
	Ready     bool   `json:"ready"`
	Steps     []Step `json:"steps"`
}

// Step is one thing that has to hold.
type Step struct {
	// What has to hold, in a few words.
	What string `json:"what"`
	// Holds is yes, no or unknown.
	Holds string `json:"holds"`
	Says  string `json:"says"`
}

// NewExplanation explains a WampProcedure; missing is why its cluster cannot be looked at, nil when it
// was.
func NewExplanation(p *v1alpha1.WampProcedure, c *routers.Cluster, missing error) *Explanation {
	e := &Explanation{
		Namespace: p.Namespace, Name: p.Name, Realm: p.Spec.Realm, URI: p.Spec.URI,
		Ready: isReady(p.Status.Conditions, p.Generation),
	}
	if missing != nil {
		e.add("its WampCluster is there", "no", missing.Error()+".")
		return e
	}
	e.condition("WampCluster "+c.Object.Namespace+"/"+c.Object.Name+" is Ready", c.Object.Status.Conditions, v1alpha1.ConditionReady, c.Object.Generation)
	e.realm(p, c)
	e.condition("the declaration is accepted", p.Status.Conditions, v1alpha1.ConditionAccepted, p.Generation)
	e.served(p, c)
	e.callees(p, c)
	return e
}

func (e *Explanation) add(what, holds, says string) {
	e.Steps = append(e.Steps, Step{What: what, Holds: holds, Says: says})
}

func (e *Explanation) condition(what string, all []metav1.Condition, kind string, generation int64) {
	switch condition := meta.FindStatusCondition(all, kind); {
	case condition == nil || condition.ObservedGeneration < generation:
		e.add(what, "unknown", "The operator has not looked at it yet: kubectl wamp version tells whether one runs.")
	case condition.Status == metav1.ConditionTrue:
		e.add(what, "yes", condition.Message)
	case condition.Status == metav1.ConditionFalse:
		e.add(what, "no", condition.Message)
	default:
		e.add(what, "unknown", condition.Message)
	}
}

func (e *Explanation) realm(p *v1alpha1.WampProcedure, c *routers.Cluster) {
	var found *v1alpha1.WampRealm
	for i := range c.Realms {
		r := &c.Realms[i]
		if r.Spec.Realm == p.Spec.Realm && (found == nil || meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionAccepted)) {
			found = r
		}
	}
	if found == nil {
		says := fmt.Sprintf("No WampRealm of WampCluster %s/%s has spec.realm %q: create one, or correct spec.realm of the WampProcedure (delete it and create it anew).",
			c.Object.Namespace, c.Object.Name, p.Spec.Realm)
		if c.Partial != "" {
			says += " (" + c.Partial + ".)"
		}
		e.add("realm "+p.Spec.Realm+" is declared", "no", says)
		return
	}
	e.condition("WampRealm "+found.Namespace+"/"+found.Name+" is Ready", found.Status.Conditions, v1alpha1.ConditionReady, found.Generation)
}

// served compares what the routers say with what they should serve.
func (e *Explanation) served(p *v1alpha1.WampProcedure, c *routers.Cluster) {
	const what = "the routers serve it"
	if len(c.States) == 0 {
		e.condition(what, p.Status.Conditions, v1alpha1.ConditionProgrammed, p.Generation)
		return
	}
	var behind, refused []string
	for name, state := range c.States {
		switch documents := state.Router.Documents; {
		case documents.Error != "":
			refused = append(refused, name+" keeps an older snapshot: "+documents.Error)
		case documents.Hash != c.Object.Status.SnapshotHash:
			behind = append(behind, name)
		}
	}
	slices.Sort(behind)
	slices.Sort(refused)
	switch {
	case len(refused) > 0:
		e.add(what, "no", strings.Join(refused, "; "))
	case len(behind) > 0:
		e.add(what, "no", fmt.Sprintf("The newest snapshot has not reached %s yet: the kubelet brings it within two minutes at most.", strings.Join(behind, ", ")))
	case meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionProgrammed):
		e.add(what, "yes", fmt.Sprintf("%s of %d heard, all with the newest snapshot.", plural(len(c.States), "router"), len(c.Pods)))
	default:
		e.condition(what, p.Status.Conditions, v1alpha1.ConditionProgrammed, p.Generation)
	}
}

func (e *Explanation) callees(p *v1alpha1.WampProcedure, c *routers.Cluster) {
	if len(c.States) == 0 {
		e.condition("it has a callee", p.Status.Conditions, v1alpha1.ConditionAvailable, p.Generation)
		return
	}
	live := c.Registered()[snapshot.ProcedureKeyOf(p)]
	if len(live.Callees) == 0 {
		says := fmt.Sprintf("Nobody has registered %s in realm %s: start the callee, and see in its log whether it joins this realm and what its REGISTER is answered.", p.Spec.URI, p.Spec.Realm)
		if near := elsewhere(c, p); near != "" {
			says += " " + near
		}
		e.add("it has a callee", "no", says)
		return
	}
	e.condition("it has a callee, with the declared policy", p.Status.Conditions, v1alpha1.ConditionAvailable, p.Generation)
	if last := &e.Steps[len(e.Steps)-1]; last.Holds == "yes" {
		last.Says = fmt.Sprintf("%s, %s, active: %s.", plural(len(live.Callees), "callee"), live.Invoke, active(live))
	}
	if redundant := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionRedundant); redundant != nil {
		e.condition("it has its standbys", p.Status.Conditions, v1alpha1.ConditionRedundant, p.Generation)
	}
}

// elsewhere names registrations that may be meant: the same URI in another realm, or matched otherwise.
func elsewhere(c *routers.Cluster, p *v1alpha1.WampProcedure) string {
	var near []string
	for key := range c.Registered() {
		if key.URI == p.Spec.URI {
			near = append(near, fmt.Sprintf("%s in realm %s (%s)", key.URI, key.Realm, key.Match))
		}
	}
	if len(near) == 0 {
		return ""
	}
	slices.Sort(near)
	return "There is " + some(near, 3) + "."
}

// Write prints it for people.
func (e *Explanation) Write(w io.Writer) error {
	state := "is Ready"
	if !e.Ready {
		state = "is not Ready"
	}
	fmt.Fprintf(w, "WampProcedure %s/%s %s: %s in realm %s\n\n", e.Namespace, e.Name, state, clean(e.URI), clean(e.Realm))
	for _, s := range e.Steps {
		mark := map[string]string{"yes": "  yes  ", "no": "  NO   ", "unknown": "  ?    "}[s.Holds]
		fmt.Fprintln(w, mark+s.What)
		fmt.Fprint(w, wrapped("       ", s.Says))
	}
	return nil
}
