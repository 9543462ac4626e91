package report

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Condition is one that is not as it should be.
type Condition struct {
	Type    string    `json:"type"`
	Status  string    `json:"status"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`
	Message string    `json:"message"`
}

// order is which condition to see to first: what it says is what the later ones wait for.
var order = []string{
	v1alpha1.ConditionStalled, v1alpha1.ConditionAccepted, v1alpha1.ConditionResolvedRefs, v1alpha1.ConditionAvailable,
	v1alpha1.ConditionConsistent, v1alpha1.ConditionProgrammed, v1alpha1.ConditionProgressing, v1alpha1.ConditionRedundant,
	v1alpha1.ConditionReady,
}

// notGood gives the conditions that are not as they should be, the one to see to first at the beginning.
// Those that repeat the message of an earlier one, as Ready does, are left out.
func notGood(all []metav1.Condition) []Condition {
	var out []Condition
	said := map[string]bool{}
	for _, kind := range order {
		c := meta.FindStatusCondition(all, kind)
		if c == nil || c.Status == wanted(kind) || said[c.Message] {
			continue
		}
		said[c.Message] = true
		out = append(out, Condition{Type: c.Type, Status: string(c.Status), Reason: c.Reason, Since: c.LastTransitionTime.Time, Message: c.Message})
	}
	return out
}

// wanted is the status of a condition when all is well.
func wanted(kind string) metav1.ConditionStatus {
	if kind == v1alpha1.ConditionStalled || kind == v1alpha1.ConditionProgressing {
		return metav1.ConditionFalse
	}
	return metav1.ConditionTrue
}

// isReady tells whether Ready holds and speaks of the latest generation.
func isReady(all []metav1.Condition, generation int64) bool {
	c := meta.FindStatusCondition(all, v1alpha1.ConditionReady)
	return c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == generation
}

// write puts a condition in a line and its message below.
func (c *Condition) write(now time.Time) string {
	head := c.Type + "=" + c.Status + " (" + c.Reason + ")"
	if since := ago(now, c.Since); since != "" {
		head += " for " + since
	}
	return head + "\n" + wrapped("  ", strings.TrimSpace(c.Message))
}
