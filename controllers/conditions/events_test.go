package conditions

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// list gives conditions written as "Type Status Reason".
func list(texts ...string) (out []metav1.Condition) {
	for _, text := range texts {
		f := strings.Fields(text)
		out = append(out, metav1.Condition{Type: f[0], Status: metav1.ConditionStatus(f[1]), Reason: f[2], Message: "about " + f[2]})
	}
	return out
}

// Which changes are told, and how.
func TestEvents(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after []metav1.Condition
		want          string
	}{
		{"nothing changed", list("Ready True Ready"), list("Ready True Ready"), ""},
		{"another reason is no transition", list("Ready False NoCallee"), list("Ready False Pending"), ""},
		{"a new object on its way", nil, list("Accepted True Accepted", "Programmed False Pending", "Stalled False NotStalled", "Ready False Pending"), ""},
		{"a new object that cannot be", nil, list("Accepted False Conflict", "Programmed False NotAccepted", "Stalled True Conflict", "Ready False Conflict"),
			"Warning Conflict Stall"},
		{"a new object that is ready at once", nil, list("Accepted True Accepted", "Programmed True Programmed", "Stalled False NotStalled", "Ready True Ready"),
			"Normal Ready Observe"},
		{"ready", list("Programmed False Pending", "Available True There", "Ready False Pending"), list("Programmed True Programmed", "Available True There", "Ready True Ready"),
			"Normal Ready Observe"},
		{"one thing of two is good now", list("Programmed False Pending", "Available False NoCallee", "Ready False Pending"),
			list("Programmed True Programmed", "Available False NoCallee", "Ready False NoCallee"), "Normal Programmed Program"},
		{"one reason for all", list("Programmed True Programmed", "Available True There", "Ready True Ready"),
			list("Programmed False NoRouters", "Available False NoRouters", "Ready False NoRouters"), "Warning NoRouters Observe"},
		{"two reasons", list("Programmed True Programmed", "Available True There", "Ready True Ready"),
			list("Programmed False Pending", "Available False NoCallee", "Ready False Pending"), "Normal Pending Observe, Warning NoCallee Observe"},
		{"the ordinary course of things", list("Programmed True Programmed", "Ready True Ready"), list("Programmed True Programmed", "Ready False RollingOut"),
			"Normal RollingOut Observe"},
		{"a new cluster begins to know", list("Available False NoRouterReady", "Programmed Unknown NotHeardYet", "Ready False NoRouterReady"),
			list("Available False NoRouterReady", "Programmed False NoRouterReady", "Ready False NoRouterReady"), ""},
		{"the same reason later", list("Programmed True Programmed", "Available False NoRouterReady", "Ready False NoRouterReady"),
			list("Programmed False NoRouterReady", "Available False NoRouterReady", "Ready False NoRouterReady"), ""},
		{"not known any more", list("Programmed True Programmed", "Ready True Ready"), list("Programmed Unknown Silent", "Ready Unknown Silent"), "Warning Silent Observe"},
		{"not known yet", nil, list("Ready Unknown NotHeardYet"), ""},
		{"known again", list("Ready Unknown Silent"), list("Ready True Ready"), "Normal Ready Observe"},
		{"it goes on", list("Stalled True Refused", "Ready False Refused"), list("Stalled False NotStalled", "Ready False Starting"), "Normal NotStalled Stall"},
		{"Redundant and Progressing are not told", list("Redundant True A", "Progressing True A"), list("Redundant False B", "Progressing False B"), ""},
		{"routers disagree", list("Consistent True Agreed", "Ready True Ready"), list("Consistent False Disagreement", "Ready False Disagreement"), "Warning Disagreement Observe"},
		{"a condition that went away", list("Available True A"), nil, ""},
	} {
		var got []string
		for _, e := range Events(c.before, c.after) {
			got = append(got, strings.Join([]string{e.Type, e.Reason, e.Action}, " "))
			if e.Note != "about "+e.Reason {
				t.Errorf("%s: note %q", c.name, e.Note)
			}
		}
		if is := strings.Join(got, ", "); is != c.want {
			t.Errorf("%s: %q, want %q", c.name, is, c.want)
		}
	}
}

// A message longer than a note may be is cut between characters, and is no format.
func TestLongNote(t *testing.T) {
	recorder := events.NewFakeRecorder(1)
	Emit(recorder, &v1alpha1.WampCluster{}, nil, Event{Type: corev1.EventTypeNormal, Reason: "R", Action: "Do", Note: "100%d " + strings.Repeat("é", 5000)})
	said := <-recorder.Events
	note := said[strings.Index(said, "100"):]
	if !strings.HasPrefix(note, "100%d é") || !strings.HasSuffix(note, "é …") || len(note) > maxNote {
		t.Errorf("%d bytes: %.40q … %q", len(note), note, note[len(note)-10:])
	}
}

func TestStalled(t *testing.T) {
	if got := Stalled(nil, IfFalse(True("A", "")), IfFalse(Unknown("B", ""))); got.IsTrue() || got.Reason != ReasonNotStalled || got.Message == "" {
		t.Errorf("%+v", got)
	}
	if got := Stalled(nil, IfFalse(False("C", "do this")), IfFalse(False("D", ""))); !got.IsTrue() || got.Reason != "C" || got.Message != "do this" {
		t.Errorf("%+v", got)
	}
}
