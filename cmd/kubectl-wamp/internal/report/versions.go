package report

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
)

// Versions are those of everything that is part of it.
type Versions struct {
	Client    string     `json:"client"`
	Operators []Operator `json:"operators,omitempty"`
	Clusters  []Routers  `json:"clusters,omitempty"`
	Notes     []string   `json:"notes,omitempty"`
}

// Operator is a Deployment of the operator.
type Operator struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Image     string `json:"image"`
	Ready     int32  `json:"ready"`
	Replicas  int32  `json:"replicas"`
}

// Routers counts the versions of the routers of a WampCluster; those that were not heard are under "?".
type Routers struct {
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Versions  map[string]int `json:"versions"`
}

// NewRouters counts the versions that routers say they have.
func NewRouters(c *routers.Cluster) Routers {
	out := Routers{Namespace: c.Object.Namespace, Name: c.Object.Name, Versions: map[string]int{}}
	for _, r := range newRouters(c) {
		if r.Heard {
			out.Versions[r.Version]++
		} else {
			out.Versions["?"]++
		}
	}
	return out
}

// Write prints them for people.
func (v *Versions) Write(w io.Writer) error {
	rows := [][]string{{"client", "kubectl-wamp", v.Client, ""}}
	for _, o := range v.Operators {
		rows = append(rows, []string{"operator", o.Namespace + "/" + o.Name, o.Image, fmt.Sprintf("%d/%d ready", o.Ready, o.Replicas)})
	}
	for _, c := range v.Clusters {
		if len(c.Versions) == 0 {
			rows = append(rows, []string{"routers", c.Namespace + "/" + c.Name, "", "none"})
		}
		for _, version := range slices.Sorted(maps.Keys(c.Versions)) {
			rows = append(rows, []string{"routers", c.Namespace + "/" + c.Name, version, plural(c.Versions[version], "router")})
		}
	}
	if err := table(w, []string{"PART", "NAME", "VERSION", "STATE"}, rows); err != nil {
		return err
	}
	for i, note := range v.Notes {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprint(w, wrapped("", note))
	}
	return nil
}
