package report

import (
	"fmt"
	"io"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
)

// Status is a WampCluster on one screen.
type Status struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Ready is that of the condition, and false when the status speaks of an older generation.
	Ready    bool  `json:"ready"`
	Replicas int32 `json:"replicas"`
	// Conditions are those that are not as they should be, the one to see to first at the beginning.
	Conditions []Condition `json:"conditions,omitempty"`
	// Findings are what was seen beside them.
	Findings []string `json:"findings,omitempty"`
	Routers  []Router `json:"routers,omitempty"`
	// Lists is same, differ, or unknown when no router was heard.
	Lists      string `json:"lists"`
	Realms     Count  `json:"realms"`
	Procedures Count  `json:"procedures"`
	// Registered is how many procedures have callees, and Undeclared how many of these no WampProcedure
	// declares.
	Registered int `json:"registered"`
	Undeclared int `json:"undeclared"`

	message string
	now     time.Time
}

// Count counts objects.
type Count struct {
	Total int `json:"total"`
	// NotReady are the names of those that are not Ready, as namespace/name, sorted.
	NotReady []string `json:"notReady,omitempty"`
}

// NewStatus sums up what was seen.
func NewStatus(c *routers.Cluster, now time.Time) *Status {
	object := &c.Object
	s := &Status{
		Namespace: object.Namespace, Name: object.Name, Replicas: 3, now: now,
		Ready:      isReady(object.Status.Conditions, object.Generation),
		Conditions: notGood(object.Status.Conditions), Routers: newRouters(c), Lists: lists(c),
	}
	if object.Spec.Replicas != nil {
		s.Replicas = *object.Spec.Replicas
	}
	for _, condition := range object.Status.Conditions {
		if condition.Type == "Ready" && s.Ready {
			s.message = condition.Message
		}
	}
	if object.Status.ObservedGeneration < object.Generation {
		s.Findings = append(s.Findings, "The operator has not seen the latest change of the WampCluster yet, so that the conditions are old: "+
			"kubectl wamp version tells whether an operator runs.")
	}
	if c.Silence != "" {
		s.Findings = append(s.Findings, "The routers were not asked: "+c.Silence+".")
	}
	s.Findings = append(s.Findings, findings(c, s.Routers, now)...)
	if c.Partial != "" {
		s.Findings = append(s.Findings, c.Partial+".")
	}
	for i := range c.Realms {
		r := &c.Realms[i]
		s.Realms.add(r.Namespace+"/"+r.Name, r.Status.Conditions, r.Generation)
	}
	for i := range c.Procedures {
		p := &c.Procedures[i]
		s.Procedures.add(p.Namespace+"/"+p.Name, p.Status.Conditions, p.Generation)
	}
	for _, p := range NewProcedures(c, Filter{}).Items {
		if p.Callees > 0 {
			s.Registered++
			if p.Declared == "" {
				s.Undeclared++
			}
		}
	}
	return s
}

func lists(c *routers.Cluster) string {
	ready := 0
	for _, state := range c.States {
		if state.Router.Ready {
			ready++
		}
	}
	switch {
	case ready == 0:
		return "unknown"
	case c.Agree():
		return "same"
	}
	return "differ"
}

func (c *Count) add(name string, conditions []metav1.Condition, generation int64) {
	c.Total++
	if !isReady(conditions, generation) {
		c.NotReady = append(c.NotReady, name)
		slices.Sort(c.NotReady)
	}
}

// Write prints it for people.
func (s *Status) Write(w io.Writer) error {
	state := "Ready"
	if !s.Ready {
		state = "not Ready"
	}
	head := fmt.Sprintf("WampCluster %s/%s is %s", s.Namespace, s.Name, state)
	if s.message != "" {
		head += ": " + s.message
	}
	fmt.Fprintln(w, head)
	for i := range s.Conditions {
		label := "\nThen: "
		if i == 0 {
			label = "\nFirst: "
		}
		fmt.Fprint(w, label+s.Conditions[i].write(s.now))
	}
	if len(s.Findings) > 0 {
		fmt.Fprintln(w, "\nSeen:")
		for _, f := range s.Findings {
			fmt.Fprint(w, wrapped("  ", f))
		}
	}
	fmt.Fprintln(w)
	if err := s.writeRouters(w); err != nil {
		return err
	}
	s.writeCounts(w)
	return nil
}

func (s *Status) writeRouters(w io.Writer) error {
	if len(s.Routers) == 0 {
		fmt.Fprintf(w, "There is no router pod; spec.replicas is %d.\n\n", s.Replicas)
		return nil
	}
	var rows [][]string
	heard := 0
	for i := range s.Routers {
		rows = append(rows, s.Routers[i].row(int(s.Replicas)))
		if s.Routers[i].Heard {
			heard++
		}
	}
	head := []string{"ROUTER", "NODE", "IMAGE", "STATE", "SESSIONS", "REGISTRATIONS", "SNAPSHOT", "SEES", "LINKS", "LISTS"}
	if err := table(w, head, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	switch s.Lists {
	case "same":
		fmt.Fprintf(w, "Callee lists:  the same on every router that is ready (%d of %d heard).\n", heard, s.Replicas)
	case "differ":
		fmt.Fprint(w, wrapped("Callee lists:  ", "NOT the same, in three looks. Callees that come and go all the time do that without fault; "+
			"else see LINKS and SEES above: routers that do not reach one another."))
	default:
		fmt.Fprintln(w, "Callee lists:  unknown, no router that is ready was heard.")
	}
	return nil
}

func (s *Status) writeCounts(w io.Writer) {
	for _, one := range []struct {
		name  string
		count Count
	}{{"Realms:        ", s.Realms}, {"Procedures:    ", s.Procedures}} {
		text := fmt.Sprintf("%d declared, all Ready.", one.count.Total)
		switch n := len(one.count.NotReady); {
		case one.count.Total == 0:
			text = "none declared."
		case n > 0:
			text = fmt.Sprintf("%d declared, %d not Ready: %s.", one.count.Total, n, some(one.count.NotReady, 4))
		}
		fmt.Fprint(w, wrapped(one.name, text))
	}
	if s.Lists == "unknown" {
		return
	}
	text := fmt.Sprintf("%s with callees", plural(s.Registered, "procedure"))
	if s.Undeclared > 0 {
		text += fmt.Sprintf(", %d of them not declared", s.Undeclared)
	}
	fmt.Fprintf(w, "Registered:    %s.\n", text)
}
