package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Callees is the list of one procedure.
type Callees struct {
	Realm        string                    `json:"realm"`
	URI          string                    `json:"uri"`
	Match        v1alpha1.MatchPolicy      `json:"match"`
	Policy       v1alpha1.InvocationPolicy `json:"policy"`
	Registration uint64                    `json:"registration,omitempty"`
	// Declared is the WampProcedure, as namespace/name.
	Declared string `json:"declared,omitempty"`
	// Dealer is the replica that deals the turns of a rotation; empty when there is none, or it was not
	// heard.
	Dealer string   `json:"dealer,omitempty"`
	Items  []Callee `json:"items"`
	Notes  []string `json:"notes,omitempty"`

	now time.Time
}

// Callee is one, in the order of the list.
type Callee struct {
	Place    int    `json:"place"`
	Replica  string `json:"replica"`
	Session  uint64 `json:"session"`
	AuthID   string `json:"authid,omitempty"`
	AuthRole string `json:"authrole,omitempty"`
	// Registered is about when it did.
	Registered time.Time `json:"registered"`
	// Calls is active (it gets all of them), standby, next (the next turn is its), in turn, or any.
	Calls string `json:"calls"`
}

// Choose finds the procedure that is meant: of a realm and a match that may be left empty where only one
// fits.
func Choose(c *routers.Cluster, realm, uri string, match v1alpha1.MatchPolicy) (snapshot.ProcedureKey, error) {
	var fit, alike []string
	var key snapshot.ProcedureKey
	for _, p := range NewProcedures(c, Filter{}).Items {
		if p.URI == uri && (realm == "" || p.Realm == realm) && (match == "" || p.Match == match) {
			fit = append(fit, fmt.Sprintf("--realm %s --match %s", p.Realm, p.Match))
			key = snapshot.ProcedureKey{Realm: p.Realm, URI: p.URI, Match: p.Match}
		}
		if strings.Contains(p.URI, uri) || p.Match == v1alpha1.MatchPrefix && strings.HasPrefix(uri, p.URI) {
			alike = append(alike, fmt.Sprintf("%s (%s, %s)", p.URI, p.Realm, p.Match))
		}
	}
	switch len(fit) {
	case 1:
		return key, nil
	case 0:
		where := "in any realm"
		if realm != "" {
			where = "in realm " + realm
		}
		text := fmt.Sprintf("nobody has registered or declared %s %s", uri, where)
		if len(alike) > 0 {
			return key, fmt.Errorf("%s; there is %s", text, some(alike, 5))
		}
		return key, fmt.Errorf("%s: kubectl wamp procedures %s lists what there is", text, c.Object.Name)
	}
	return key, fmt.Errorf("%s is more than one procedure, choose one: %s", uri, strings.Join(fit, "; or "))
}

// NewCallees puts together what the routers say of a procedure; details are their answers, by replica.
func NewCallees(c *routers.Cluster, key snapshot.ProcedureKey, details map[string]*v1alpha1.RouterCallees, now time.Time) *Callees {
	live, declared := c.Registered()[key], declarations(c)[key]
	p := newProcedure(key, live, declared)
	out := &Callees{
		Realm: key.Realm, URI: key.URI, Match: key.Match, Policy: p.Policy, Registration: live.Registration, Declared: p.Declared,
		Items: []Callee{}, now: now,
	}
	for _, note := range p.Notes {
		if declared != nil {
			out.Notes = append(out.Notes, fmt.Sprintf("Note: %s. kubectl wamp explain %s -n %s says more.", note, declared.Name, declared.Namespace))
		}
	}
	sessions := map[uint64]v1alpha1.RouterSessionState{}
	lastTurn := uint64(0)
	for replica, d := range details {
		for i, callee := range d.Callees {
			if i < len(d.Sessions) && d.Sessions[i].AuthID != "" {
				sessions[callee.Session] = d.Sessions[i]
			}
		}
		if d.Deals {
			out.Dealer, lastTurn = replica, d.LastTurn
		}
	}
	ownRotation := declared != nil && declared.Spec.Rotation == v1alpha1.RotationReplica
	next := nextTurn(live.Callees, lastTurn)
	for i, callee := range live.Callees {
		who := sessions[callee.Session]
		item := Callee{
			Place: i + 1, Replica: callee.Replica, Session: callee.Session, AuthID: who.AuthID, AuthRole: who.AuthRole,
			Registered: time.UnixMicro(int64(callee.Stamp)), Calls: "standby",
		}
		switch live.Invoke {
		case v1alpha1.InvokeRoundRobin:
			item.Calls = "in turn"
			if out.Dealer != "" && i == next && !ownRotation {
				item.Calls = "next"
			}
		case v1alpha1.InvokeRandom:
			item.Calls = "any"
		case v1alpha1.InvokeLast:
			if i == len(live.Callees)-1 {
				item.Calls = "active"
			}
		default:
			if i == 0 {
				item.Calls = "active"
			}
		}
		out.Items = append(out.Items, item)
	}
	if live.Invoke == v1alpha1.InvokeRoundRobin && len(live.Callees) > 0 {
		switch {
		case ownRotation:
			out.Notes = append(out.Notes, "Each router rotates by itself (rotation: Replica): no callee is next for the whole cluster.")
		case out.Dealer == "":
			out.Notes = append(out.Notes, "No router said that it deals the turns: whose turn is next is not known here.")
		}
	}
	return out
}

// nextTurn is the place of the first callee with a larger stamp than the last turn's, else the first.
func nextTurn(callees []v1alpha1.RouterCalleeState, last uint64) int {
	at := slices.IndexFunc(callees, func(c v1alpha1.RouterCalleeState) bool { return c.Stamp > last })
	return max(at, 0)
}

// Write prints them for people.
func (c *Callees) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s (%s) in realm %s: %s, %s", clean(c.URI), c.Match, clean(c.Realm), c.Policy, plural(len(c.Items), "callee"))
	if c.Declared != "" {
		fmt.Fprintf(w, ", declared by WampProcedure %s", c.Declared)
	} else {
		fmt.Fprint(w, ", not declared")
	}
	if c.Dealer != "" {
		fmt.Fprintf(w, "; %s deals the turns", c.Dealer)
	}
	fmt.Fprintln(w)
	if len(c.Items) > 0 {
		fmt.Fprintln(w)
		var rows [][]string
		for _, one := range c.Items {
			rows = append(rows, []string{
				fmt.Sprint(one.Place), one.Replica, fmt.Sprint(one.Session), one.AuthID, one.AuthRole, ago(c.now, one.Registered), one.Calls,
			})
		}
		if err := table(w, []string{"PLACE", "ROUTER", "SESSION", "AUTHID", "ROLE", "REGISTERED", "CALLS"}, rows); err != nil {
			return err
		}
	}
	for i, note := range c.Notes {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprint(w, wrapped("", note))
	}
	return nil
}
