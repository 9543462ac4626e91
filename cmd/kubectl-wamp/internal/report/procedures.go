package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Filter chooses procedures; what is empty chooses all.
type Filter struct {
	Realm string
	// Text has to be in the URI.
	Text string
	// Problems leaves those out of which nothing has to be said.
	Problems bool
}

// Procedures are those that have callees and those that are declared.
type Procedures struct {
	Items []Procedure `json:"items"`
	// Notes say what may be missing.
	Notes []string `json:"notes,omitempty"`
}

// Procedure is one, as the routers have it.
type Procedure struct {
	Realm string               `json:"realm"`
	URI   string               `json:"uri"`
	Match v1alpha1.MatchPolicy `json:"match"`
	// Policy is the one in force; that of the declaration when there is no callee.
	Policy  v1alpha1.InvocationPolicy `json:"policy"`
	Callees int                       `json:"callees"`
	// Active is the callee that gets the calls, as replica/session; all where they are shared; none.
	Active string `json:"active"`
	// Hosts are the replicas that callees are connected to.
	Hosts []Host `json:"hosts,omitempty"`
	// Declared is the WampProcedure, as namespace/name.
	Declared string `json:"declared,omitempty"`
	// Notes are what has to be said of it.
	Notes []string `json:"notes,omitempty"`
}

// Host is a replica and how many callees it has.
type Host struct {
	Replica string `json:"replica"`
	Callees int    `json:"callees"`
}

// NewProcedures lists them by realm, URI and match.
func NewProcedures(c *routers.Cluster, filter Filter) *Procedures {
	registered, declared := c.Registered(), declarations(c)
	keys := map[snapshot.ProcedureKey]struct{}{}
	for key := range registered {
		keys[key] = struct{}{}
	}
	for key := range declared {
		keys[key] = struct{}{}
	}
	out := &Procedures{Items: []Procedure{}}
	for key := range keys {
		p := newProcedure(key, registered[key], declared[key])
		if filter.takes(&p) {
			out.Items = append(out.Items, p)
		}
	}
	slices.SortFunc(out.Items, func(a, b Procedure) int {
		return cmp.Or(strings.Compare(a.Realm, b.Realm), strings.Compare(a.URI, b.URI), strings.Compare(string(a.Match), string(b.Match)))
	})
	for _, r := range newRouters(c) {
		if !r.Heard && r.Trouble != "" {
			out.Notes = append(out.Notes, fmt.Sprintf("%s was not heard (%s): of its callees this is what the others say.", r.Pod, strings.TrimRight(r.Trouble, ".")))
		}
	}
	if !c.Agree() {
		out.Notes = append(out.Notes, "The routers' lists are not the same: kubectl wamp status "+c.Object.Name+" says more.")
	}
	if c.Partial != "" {
		out.Notes = append(out.Notes, c.Partial+".")
	}
	return out
}

// declarations gives the WampProcedure that counts for each key: the one that was accepted, else the oldest.
func declarations(c *routers.Cluster) map[snapshot.ProcedureKey]*v1alpha1.WampProcedure {
	out := map[snapshot.ProcedureKey]*v1alpha1.WampProcedure{}
	for i := range c.Procedures {
		p := &c.Procedures[i]
		key := snapshot.ProcedureKeyOf(p)
		if old := out[key]; old == nil || !accepted(old) && (accepted(p) || p.CreationTimestamp.Before(&old.CreationTimestamp)) {
			out[key] = p
		}
	}
	return out
}

func accepted(p *v1alpha1.WampProcedure) bool {
	return meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionAccepted)
}

func newProcedure(key snapshot.ProcedureKey, live routerstate.Procedure, declared *v1alpha1.WampProcedure) Procedure {
	p := Procedure{Realm: key.Realm, URI: key.URI, Match: key.Match, Policy: live.Invoke, Callees: len(live.Callees), Active: active(live)}
	for _, callee := range live.Callees {
		at := slices.IndexFunc(p.Hosts, func(h Host) bool { return h.Replica == callee.Replica })
		if at < 0 {
			p.Hosts, at = append(p.Hosts, Host{Replica: callee.Replica}), len(p.Hosts)
		}
		p.Hosts[at].Callees++
	}
	slices.SortFunc(p.Hosts, func(a, b Host) int {
		return cmp.Or(len(a.Replica)-len(b.Replica), strings.Compare(a.Replica, b.Replica))
	})
	if declared == nil {
		p.Notes = append(p.Notes, "not declared")
		return p
	}
	p.Declared = declared.Namespace + "/" + declared.Name
	policy := declared.Spec.Invoke
	if policy == "" {
		policy = v1alpha1.InvokeSingle
	}
	switch {
	case p.Callees == 0:
		p.Policy = policy
		p.Notes = append(p.Notes, "no callee")
	case p.Policy != policy:
		p.Notes = append(p.Notes, "declared as "+string(policy))
	}
	for _, kind := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed, v1alpha1.ConditionRedundant} {
		if condition := meta.FindStatusCondition(declared.Status.Conditions, kind); condition != nil && condition.Status != metav1.ConditionTrue {
			if kind == v1alpha1.ConditionRedundant && p.Callees == 0 {
				continue // that is said
			}
			p.Notes = append(p.Notes, "not "+kind+" ("+condition.Reason+")")
			break
		}
	}
	return p
}

// active is the callee that gets the calls, in the words of the status of a WampProcedure.
func active(p routerstate.Procedure) string {
	if len(p.Callees) == 0 {
		return "none"
	}
	var c v1alpha1.RouterCalleeState
	switch p.Invoke {
	case v1alpha1.InvokeRoundRobin, v1alpha1.InvokeRandom:
		return "all"
	case v1alpha1.InvokeLast:
		c = p.Callees[len(p.Callees)-1]
	default:
		c = p.Callees[0]
	}
	return fmt.Sprintf("%s/%d", c.Replica, c.Session)
}

func (f Filter) takes(p *Procedure) bool {
	return (f.Realm == "" || p.Realm == f.Realm) && strings.Contains(p.URI, f.Text) && (!f.Problems || len(p.Notes) > 0)
}

// Write prints them for people.
func (p *Procedures) Write(w io.Writer) error {
	var rows [][]string
	for _, one := range p.Items {
		rows = append(rows, []string{
			one.Realm, one.URI, string(one.Match), string(one.Policy), fmt.Sprint(one.Callees), one.Active, hosts(one.Hosts),
			one.Declared, strings.Join(one.Notes, ", "),
		})
	}
	head := []string{"REALM", "URI", "MATCH", "POLICY", "CALLEES", "ACTIVE", "ROUTERS", "DECLARED", "NOTE"}
	if err := table(w, head, rows); err != nil {
		return err
	}
	for i, note := range p.Notes {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprint(w, wrapped("", note))
	}
	return nil
}

// hosts writes demo-0,demo-1(2): two callees at demo-1.
func hosts(all []Host) string {
	var out []string
	for _, h := range all {
		if h.Callees == 1 {
			out = append(out, h.Replica)
		} else {
			out = append(out, fmt.Sprintf("%s(%d)", h.Replica, h.Callees))
		}
	}
	return strings.Join(out, ",")
}
