package envtest

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	applyconfiguration "github.com/wamp-operator/wamp-operator/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

var largeProcedures = flag.Int("large.procedures", 5000, "how many procedures TestThousandsOfProcedures declares")

// writes counts what an operator writes, by resource. What the API server refused changed nothing and is
// counted by itself.
type writes struct {
	mu    sync.Mutex
	count map[string]int
}

func (w *writes) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if request.Method != http.MethodGet && request.Method != http.MethodHead {
			resource := resourceOf(request.URL.Path)
			if err != nil || response.StatusCode >= http.StatusMultipleChoices {
				resource += " refused"
			}
			w.mu.Lock()
			w.count[resource]++
			w.mu.Unlock()
		}
		return response, err
	})
}

// resourceOf gives "wampprocedures/status" for the path of a procedure's status.
func resourceOf(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	place := slices.Index(parts, "namespaces") + 2
	if place < 2 || place >= len(parts) {
		return path
	}
	resource := parts[place]
	if len(parts) > place+2 {
		resource += "/" + parts[place+2]
	}
	return resource
}

// since gives what was written since the last call.
func (w *writes) since() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.count
	w.count = map[string]int{}
	return out
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// Thousands of procedures in one cluster: what is there when the operator starts is published with one
// write for each part of the snapshot, and each status is written a bounded number of times; an operator
// that starts anew changes nothing at all; a change of one procedure is one snapshot and one status; and
// many changes at once are few snapshots. The snapshot is larger than a ConfigMap. Times are printed and
// not judged.
func TestThousandsOfProcedures(t *testing.T) {
	n := *largeProcedures
	w := newQuietWorld(t)
	w.SetDefaultEventuallyTimeout(time.Duration(n)*40*time.Millisecond + patient)
	w.SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	w.resync = time.Minute
	counted := &writes{count: map[string]int{}}
	w.transport = counted.wrap

	cluster := w.cluster("demo", 3)
	w.create(cluster, w.realm("realm1", "realm1", "demo"))
	w.declareMany(n)

	begin := time.Now()
	took := func(what string, args ...any) {
		t.Logf("%s: %s", fmt.Sprintf(what, args...), time.Since(begin).Round(10*time.Millisecond))
	}
	w.startOperator()
	w.Eventually(func() int { return len(w.parts("demo")) }).Should(BeNumerically(">", n/4500))
	parts := len(w.parts("demo"))
	took("%d procedures published in %d parts", n, parts)
	w.startPods("demo", 3)
	w.kubelet("demo", 3)
	last := w.procedure(nameOf(n-1), "", "demo", "")
	w.Eventually(w.condition(cluster, v1alpha1.ConditionProgrammed)).Should(be(metav1.ConditionTrue, "Programmed"))
	w.Eventually(w.unready("demo")).Should(Equal(n), "nobody has registered them")
	// They are listed only while nothing is written: a list of all of them is much for the API server.
	programmed := func() int {
		w.kubelet("demo", 3)
		w.settled(counted)
		return w.without(v1alpha1.ConditionProgrammed)
	}
	w.Eventually(programmed).Should(BeZero())
	took("all accepted and programmed")
	taken := time.Since(begin)
	wrote := counted.since()
	wroteStatuses := wrote["wampprocedures/status"]
	t.Logf("written: %v", wrote)
	w.Expect(w.without(v1alpha1.ConditionAccepted)).To(BeZero())
	w.Expect(wrote["wampprocedures/status"]).To(BeNumerically("<=", 3*n), "each status is written when it is accepted, when routers come, and when they serve it")
	w.Expect(wrote["configmaps"]).To(Equal(parts+1), "each part once, and router.yaml")
	w.Expect(w.shown("demo")()).To(HaveKeyWithValue("wamp_operator_snapshot_publish_total", 1.0))
	memory(t, "after that")

	// The operator starts anew.
	w.stop()
	before := w.everyVersion()
	counted.since()
	begin = time.Now()
	w.startOperator()
	w.Eventually(w.shown("demo")).Should(HaveKeyWithValue("wamp_operator_router_streams open", 3.0))
	took("an operator that starts anew hears all routers")
	w.settled(counted)
	took("and has been quiet for a second")
	wrote = counted.since()
	t.Logf("asked for: %v", wrote)
	w.Expect(w.everyVersion()).To(Equal(before), "an operator that starts anew changes nothing")
	w.Expect(slices.Collect(maps.Keys(wrote))).To(HaveEach(BeElementOf("configmaps", "services", "serviceaccounts",
		"poddisruptionbudgets", "networkpolicies", "statefulsets")), "it applies what the cluster owns, to find that it is there")
	w.Expect(wrote["configmaps"]).To(BeNumerically("<=", 1), "router.yaml, and no part of the snapshot")
	memory(t, "of an operator that started anew")

	// One procedure changes.
	published := func() int { return int(w.shown("demo")()["wamp_operator_snapshot_publish_total"]) }
	w.Expect(published()).To(BeZero())
	w.Expect(admin.Get(w.ctx, client.ObjectKeyFromObject(last), last)).To(Succeed())
	old := last.DeepCopy()
	last.Spec.Invoke = v1alpha1.InvokeLast
	begin = time.Now()
	w.Expect(admin.Patch(w.ctx, last, client.MergeFrom(old))).To(Succeed())
	w.Eventually(published).WithPolling(5 * time.Millisecond).Should(Equal(1))
	took("one procedure changed and published")
	w.kubelet("demo", 3)
	w.Eventually(w.condition(last, v1alpha1.ConditionProgrammed)).WithPolling(10 * time.Millisecond).Should(And(
		be(metav1.ConditionTrue, "Programmed"), HaveField("ObservedGeneration", last.Generation)))
	took("and programmed")
	w.settled(counted)
	wrote = counted.since()
	t.Logf("written: %v", wrote)
	w.Expect(published()).To(Equal(1))
	w.Expect(wrote["configmaps"]).To(BeNumerically("<=", parts), "no part is written twice")
	w.Expect(wrote["wampprocedures/status"]).To(BeNumerically("<=", 2), "one write when the routers are swift; and no other procedure is touched")

	// A tenth of them change, as fast as they can be written.
	begin = time.Now()
	w.changeMany(n / 10)
	changing := time.Since(begin)
	w.Eventually(programmed).Should(BeZero())
	took("%d procedures changed within %s, published %d times and programmed", n/10, changing.Round(10*time.Millisecond), published()-1)
	t.Logf("written: %v", counted.since())
	// At most every 100, 200, 400, 800 ms and then every two seconds.
	w.Expect(published() - 1).To(BeNumerically("<=", 7+int(changing/(2*time.Second))))
	memory(t, "at the end")

	// What the API server itself takes, from a client that knows what to write.
	w.stop()
	bare := w.rewriteStatuses(min(n, 1000))
	t.Logf("the operator wrote %.0f statuses a second; a client that does nothing else writes %.0f of them, as many at a time",
		float64(wroteStatuses)/taken.Seconds(), 1/bare.Seconds())
}

// rewriteStatuses writes the status of n procedures with another message, as many at a time as the operator
// does, and gives how long one took.
func (w *world) rewriteStatuses(n int) time.Duration {
	w.t.Helper()
	desired := make([]*applyconfiguration.WampProcedureApplyConfiguration, n)
	for i := range desired {
		p := &v1alpha1.WampProcedure{}
		w.Expect(admin.Get(w.ctx, client.ObjectKeyFromObject(w.procedure(nameOf(i), "", "demo", "")), p)).To(Succeed())
		for k := range p.Status.Conditions {
			p.Status.Conditions[k].Message += " (again)"
		}
		desired[i] = applyconfiguration.WampProcedure(p.Name, p.Namespace).
			WithStatus(ssa.Convert[applyconfiguration.WampProcedureStatusApplyConfiguration](p.Status))
	}
	begin := time.Now()
	w.many(8, n, func(i int) error {
		return admin.Status().Apply(w.ctx, desired[i], client.FieldOwner(ssa.StatusFieldOwner), client.ForceOwnership)
	})
	return time.Since(begin) / time.Duration(n)
}

// memory prints what operator and test hold together, and have held at most.
func memory(t *testing.T, when string) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	runtime.GC()
	runtime.ReadMemStats(&m)
	t.Logf("memory of operator and test together %s: %d MiB in use, %d MiB before the garbage was collected, %d MiB from the system",
		when, m.HeapAlloc>>20, before>>20, (m.Sys-m.HeapReleased)>>20)
}

func nameOf(i int) string { return fmt.Sprintf("p%05d", i) }

// many does something for each number below n, several at a time.
func (w *world) many(workers, n int, do func(i int) error) {
	w.t.Helper()
	var group sync.WaitGroup
	failed := make(chan error, workers)
	for worker := range workers {
		group.Go(func() {
			for i := worker; i < n; i += workers {
				if err := do(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		w.t.Fatal(err)
	}
}

// declareMany creates n procedures.
func (w *world) declareMany(n int) {
	w.t.Helper()
	w.many(16, n, func(i int) error {
		return admin.Create(w.ctx, w.procedure(nameOf(i), fmt.Sprintf("com.example.department.of.many.procedures.number%05d", i), "demo", v1alpha1.InvokeRoundRobin))
	})
}

// changeMany changes the first n procedures.
func (w *world) changeMany(n int) {
	w.t.Helper()
	w.many(16, n, func(i int) error {
		p := &v1alpha1.WampProcedure{ObjectMeta: w.meta(nameOf(i))}
		return admin.Patch(w.ctx, p, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"invoke":"random"}}`)))
	})
}

// unready counts the procedures that the operator shows as not ready, as far as it knows.
func (w *world) unready(cluster string) func() int {
	return func() int { return int(w.shown(cluster)()["wamp_operator_procedures False"]) }
}

// without counts the procedures for whose generation a condition is not true.
func (w *world) without(kind string) (missing int) {
	var all v1alpha1.WampProcedureList
	w.Expect(admin.List(w.ctx, &all, client.InNamespace(w.namespace))).To(Succeed())
	for i := range all.Items {
		p := &all.Items[i]
		if c := meta.FindStatusCondition(p.Status.Conditions, kind); c == nil || c.Status != metav1.ConditionTrue || c.ObservedGeneration != p.Generation {
			missing++
		}
	}
	return missing
}

// everyVersion gives the resource versions of all objects in the namespace that an operator may write.
func (w *world) everyVersion() map[string]string {
	out := map[string]string{}
	for _, list := range append(ownedLists(), &v1alpha1.WampClusterList{}, &v1alpha1.WampRealmList{}, &v1alpha1.WampProcedureList{}, &corev1.PodList{}, &eventsv1.EventList{}) {
		w.Expect(admin.List(w.ctx, list, client.InNamespace(w.namespace))).To(Succeed())
		for _, o := range items(list) {
			out[fmt.Sprintf("%T %s", o, o.GetName())] = o.GetResourceVersion()
		}
	}
	return out
}

// settled returns when nothing was written for a second.
func (w *world) settled(counted *writes) {
	w.t.Helper()
	total := func() (n int) {
		counted.mu.Lock()
		defer counted.mu.Unlock()
		for _, c := range counted.count {
			n += c
		}
		return n
	}
	before, since := total(), time.Now()
	w.Eventually(func() time.Duration {
		if now := total(); now != before {
			before, since = now, time.Now()
		}
		return time.Since(since)
	}).Should(BeNumerically(">", time.Second))
}
