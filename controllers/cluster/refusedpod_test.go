package cluster

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Of the events of a StatefulSet the one counts that came last, however often it came before, and none that is
// of another time.
func TestNewestEvent(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	event := func(message string, ago time.Duration) corev1.Event {
		return corev1.Event{Message: message, LastTimestamp: metav1.NewTime(now.Add(-ago))}
	}
	again := corev1.Event{Message: "again", EventTime: metav1.NewMicroTime(now.Add(-time.Hour)),
		Series: &corev1.EventSeries{Count: 7, LastObservedTime: metav1.NewMicroTime(now.Add(-time.Minute))}}
	for _, c := range []struct {
		name   string
		events []corev1.Event
		want   string
	}{
		{"none", nil, ""},
		{"an old one", []corev1.Event{event("old", time.Hour)}, ""},
		{"two", []corev1.Event{event("new", 2*time.Minute), event("older", 3*time.Minute)}, "new"},
		{"one that came again", []corev1.Event{event("new", 2*time.Minute), again}, "again"},
	} {
		if got := newest(c.events, now.Add(-refusalAge)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
