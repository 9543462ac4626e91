package conditions

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The time of transition moves with the status and with nothing else; the generation always is
// the one looked at.
func TestMerge(t *testing.T) {
	then, now := time.Unix(1000, 0), time.Unix(2000, 500)
	first := Merge(nil, 1, then, Typed{"A", True("Fine", "")}, Typed{"B", False("Bad", "do this")})
	second := Merge(first, 2, now, Typed{"A", True("Finer", "indeed")}, Typed{"B", True("Good", "")}, Typed{"C", Unknown("New", "")})
	if len(second) != 3 {
		t.Fatalf("%d conditions", len(second))
	}
	a, b, c := second[0], second[1], second[2]
	if !a.LastTransitionTime.Time.Equal(then) || a.Reason != "Finer" || a.ObservedGeneration != 2 {
		t.Errorf("A %+v: its status is as before", a)
	}
	if !b.LastTransitionTime.Time.Equal(now.Truncate(time.Second)) || b.Status != metav1.ConditionTrue {
		t.Errorf("B %+v: its status changed", b)
	}
	if c.Type != "C" || c.Status != metav1.ConditionUnknown {
		t.Errorf("C %+v", c)
	}
	// What the API server gives back has whole seconds: the same status again is no difference.
	if again := Merge(second, 2, now.Add(time.Hour), Typed{"C", Unknown("New", "")}); again[0] != c {
		t.Errorf("%+v after %+v", again[0], c)
	}
}

func TestFirstNot(t *testing.T) {
	all := True("All", "")
	if got := FirstNot(all, True("A", ""), True("B", "")); got != all {
		t.Errorf("%+v", got)
	}
	if got := FirstNot(all, True("A", ""), Unknown("B", "b"), False("C", "c")); got.Reason != "B" {
		t.Errorf("%+v", got)
	}
}
