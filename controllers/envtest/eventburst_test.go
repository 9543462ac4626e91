package envtest

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
)

var burstProcedures = flag.Int("burst.procedures", 300, "how many procedures change at once in TestManyTransitionsAtOnce")

// latencies keeps how long writes take, by resource.
type latencies struct {
	mu   sync.Mutex
	took map[string][]time.Duration
}

func (l *latencies) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if request.Method == http.MethodGet {
			return next.RoundTrip(request)
		}
		begin := time.Now()
		response, err := next.RoundTrip(request)
		l.mu.Lock()
		defer l.mu.Unlock()
		resource := resourceOf(request.URL.Path)
		l.took[resource] = append(l.took[resource], time.Since(begin))
		return response, err
	})
}

// since gives what was written since the last call.
func (l *latencies) since() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, resource := range []string{"wampprocedures/status", "events"} {
		if took := l.took[resource]; len(took) > 0 {
			slices.Sort(took)
			out = append(out, fmt.Sprintf("%d %s, p50 %s, p99 %s", len(took), resource,
				took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond)))
		}
	}
	l.took = map[string][]time.Duration{}
	return out
}

// When very many procedures change at once, because their only router is not heard any more, a bounded
// number of events is written, one tells of the rest, and a metric counts it. The same event about the same
// object, once more, is no other event. Times are printed and not judged.
func TestManyTransitionsAtOnce(t *testing.T) {
	n := *burstProcedures
	w := newQuietWorld(t)
	w.SetDefaultEventuallyTimeout(time.Duration(n)*40*time.Millisecond + patient)
	w.SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	w.resync = time.Minute
	written := &latencies{took: map[string][]time.Duration{}}
	w.transport = written.wrap
	cluster := w.cluster("demo", 1)
	w.create(cluster, w.realm("realm1", "realm1", "demo"))
	uri := func(i int) string { return fmt.Sprintf("com.example.many.number%05d", i) }
	router := w.routers.of("demo-0")
	w.many(16, n, func(i int) error {
		router.register(callees(uri(i), v1alpha1.InvokeFirst, "demo-0"))
		return admin.Create(w.ctx, w.procedure(nameOf(i), uri(i), "demo", v1alpha1.InvokeFirst))
	})
	begin := time.Now()
	w.startOperator()
	w.startPods("demo", 1)
	ready := func() int {
		w.kubelet("demo", 1)
		return int(w.shown("demo")()["wamp_operator_procedures True"])
	}
	w.Eventually(ready).Should(Equal(n))
	t.Logf("%d procedures are ready after %s: %s", n, time.Since(begin).Round(time.Millisecond), strings.Join(written.since(), "; "))
	for _, silent := range []bool{true, false, true} {
		want := map[bool]int{true: 0, false: n}[silent]
		router.setSilent(silent)
		changed := time.Now()
		w.Eventually(ready).Should(Equal(want))
		t.Logf("%d of them are ready after another %s: %s", want, time.Since(changed).Round(time.Millisecond), strings.Join(written.since(), "; "))
	}
	w.Eventually(w.eventsOf("WampCluster")).Should(HaveKey("Warning " + conditions.ReasonEventsLeftOut))
	bound := conditions.Burst + int(conditions.PerSecond*time.Since(begin).Seconds()) + 1
	count := 0
	for _, c := range w.eventsOf("WampProcedure")() {
		count += c
	}
	t.Logf("%d events about %d transitions: %v and %v", count, 4*n, w.eventsOf("WampProcedure")(), w.eventsOf("WampCluster")())
	w.Expect(count).To(And(BeNumerically(">=", conditions.Burst-1), BeNumerically("<=", bound)))
	w.Expect(w.eventsOf("WampProcedure")()).To(HaveKeyWithValue("Warning RoutersSilent", BeNumerically(">=", conditions.Burst/2-1)), "half is kept for them")
	w.Expect(w.shown("demo")()).To(HaveKeyWithValue("wamp_operator_events_left_out_total", BeNumerically(">=", 4*n-bound-1)))
	// Clusters do not wait for it.
	w.Expect(w.eventsOf("WampCluster")()).To(And(HaveKeyWithValue("Normal Ready", 1), HaveKeyWithValue("Warning RouterUnreachable", 1)),
		"which have happened more than once")
}

// eventsOf counts the events about objects of a kind, by type and reason.
func (w *world) eventsOf(kind string) func() map[string]int {
	return func() map[string]int {
		var list eventsv1.EventList
		w.Expect(admin.List(w.ctx, &list, client.InNamespace(w.namespace))).To(Succeed())
		out := map[string]int{}
		for _, e := range list.Items {
			if e.Regarding.Kind == kind {
				out[e.Type+" "+e.Reason]++
			}
		}
		return out
	}
}
