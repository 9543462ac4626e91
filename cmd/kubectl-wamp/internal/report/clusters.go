package report

import (
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Clusters are several WampClusters, a line each.
type Clusters struct {
	Items []ClusterLine `json:"items"`

	now time.Time
}

// ClusterLine is what the status of one says.
type ClusterLine struct {
	Namespace     string      `json:"namespace"`
	Name          string      `json:"name"`
	Ready         bool        `json:"ready"`
	Replicas      int32       `json:"replicas"`
	ReadyReplicas int32       `json:"readyReplicas"`
	Realms        int32       `json:"realms"`
	Procedures    int32       `json:"procedures"`
	Conditions    []Condition `json:"conditions,omitempty"`
	Age           time.Time   `json:"created"`

	message string
}

// NewClusters lists them in the order given.
func NewClusters(items []v1alpha1.WampCluster, now time.Time) *Clusters {
	out := &Clusters{Items: []ClusterLine{}, now: now}
	for i := range items {
		c := &items[i]
		line := ClusterLine{
			Namespace: c.Namespace, Name: c.Name, Ready: isReady(c.Status.Conditions, c.Generation), Replicas: 3,
			ReadyReplicas: c.Status.ReadyReplicas, Realms: c.Status.Realms, Procedures: c.Status.Procedures,
			Conditions: notGood(c.Status.Conditions), Age: c.CreationTimestamp.Time,
		}
		if c.Spec.Replicas != nil {
			line.Replicas = *c.Spec.Replicas
		}
		if ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
			line.message = ready.Message
		}
		out.Items = append(out.Items, line)
	}
	return out
}

// Write prints them for people.
func (c *Clusters) Write(w io.Writer) error {
	var rows [][]string
	for _, l := range c.Items {
		ready := "True"
		if !l.Ready {
			ready = "False"
		}
		rows = append(rows, []string{
			l.Namespace, l.Name, ready, fmt.Sprintf("%d/%d", l.ReadyReplicas, l.Replicas), fmt.Sprint(l.Realms), fmt.Sprint(l.Procedures),
			ago(c.now, l.Age), l.message,
		})
	}
	return table(w, []string{"NAMESPACE", "CLUSTER", "READY", "ROUTERS", "REALMS", "PROCEDURES", "AGE", "MESSAGE"}, rows)
}
