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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

var largeProcedures = flag.Int("large.procedures", 5000, "how many procedures TestThousandsOfProcedures declares")

// writes counts what an operator writes, by resource.
type writes struct {
	mu    sync.Mutex
	count map[string]int
}

func (w *writes) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		// A dry run, or a question such as a SubjectAccessReview, changes nothing.
		if request.Method != http.MethodGet && request.Method != http.MethodHead {
			w.mu.Lock()
			w.count[resourceOf(request.URL.Path)]++
			w.mu.Unlock()
		}
		return next.RoundTrip(request)
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
// write for each part of the snapshot, each status is written a bounded number of times, an operator that
// starts anew writes no status and no snapshot, and a change of one procedure writes what belongs to that
// one. The snapshot is larger than a ConfigMap. Times are printed and not judged.
func TestThousandsOfProcedures(t *testing.T) {
	n := *largeProcedures
	w := newQuietWorld(t)
	w.SetDefaultEventuallyTimeout(3 * time.Minute)
	w.SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	counted := &writes{count: map[string]int{}}
	w.transport = counted.wrap

	cluster := w.cluster("demo", 3)
	w.create(cluster, w.realm("realm1", "realm1", "demo"))
	w.declareMany(n)

	begin := time.Now()
	took := func(what string) {
		t.Logf("%s: %s", what, time.Since(begin).Round(10*time.Millisecond))
		begin = time.Now()
	}
	w.startOperator()
	w.Eventually(func() int { return len(w.parts("demo")) }).Should(BeNumerically(">", n/4000))
	took(fmt.Sprintf("%d procedures published in %d parts", n, len(w.parts("demo"))))
	w.startPods("demo", 3)
	w.kubelet("demo", 3)
	last := w.procedure(nameOf(n-1), "", "demo", "")
	w.Eventually(w.condition(cluster, v1alpha1.ConditionProgrammed)).Should(be(metav1.ConditionTrue, "Programmed"))
	w.Eventually(w.without(v1alpha1.ConditionProgrammed)).Should(BeZero())
	took("all programmed")
	w.settled(counted)
	wrote := counted.since()
	t.Logf("written: %v", wrote)
	parts := len(w.parts("demo"))
	w.Expect(wrote["wampprocedures/status"]).To(BeNumerically("<=", 3*n), "each status is written when it becomes accepted and when it is served")
	w.Expect(wrote["configmaps"]).To(Equal(parts+1), "each part once, and router.yaml")

	// The operator starts anew.
	w.stop()
	w.settled(counted)
	counted.since()
	begin = time.Now()
	w.startOperator()
	w.Eventually(func() bool { return w.routers.of("demo-0").listening() }).Should(BeTrue())
	w.settled(counted)
	took("an operator that starts anew is through, and quiet for a second")
	wrote = counted.since()
	for _, statuses := range []string{"wampprocedures/status", "wamprealms/status", "wampclusters/status", "pods", "secrets", "events"} {
		w.Expect(wrote[statuses]).To(BeZero(), "an operator that starts anew writes no %s: %v", statuses, wrote)
	}
	w.Expect(wrote["configmaps"]).To(BeNumerically("<=", 1), "it applies router.yaml once, and no part of the snapshot")

	// One procedure changes.
	w.Expect(admin.Get(w.ctx, client.ObjectKeyFromObject(last), last)).To(Succeed())
	before := last.DeepCopy()
	last.Spec.Invoke = v1alpha1.InvokeLast
	begin = time.Now()
	w.Expect(admin.Patch(w.ctx, last, client.MergeFrom(before))).To(Succeed())
	w.Eventually(w.served("demo", 3, last, v1alpha1.ConditionProgrammed)).Should(And(
		be(metav1.ConditionTrue, "Programmed"), HaveField("ObservedGeneration", last.Generation)))
	took("one procedure changed, published and programmed")
	w.settled(counted)
	wrote = counted.since()
	t.Logf("written: %v", wrote)
	w.Expect(wrote["configmaps"]).To(BeNumerically("<=", parts), "no part is written twice")
	w.Expect(wrote["wampprocedures/status"]).To(BeNumerically("<=", 3), "no other procedure is touched")
	w.Expect(slices.Collect(maps.Keys(wrote))).To(HaveEach(BeElementOf("configmaps", "wampprocedures/status", "wampclusters/status", "pods", "events")))

	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	t.Logf("heap of operator and test together: %d MiB", memory.HeapAlloc>>20)
}

func nameOf(i int) string { return fmt.Sprintf("p%05d", i) }

// declareMany creates n procedures.
func (w *world) declareMany(n int) {
	w.t.Helper()
	var group sync.WaitGroup
	failed := make(chan error, 16)
	for worker := range 16 {
		group.Go(func() {
			for i := worker; i < n; i += 16 {
				p := w.procedure(nameOf(i), fmt.Sprintf("com.example.department.of.many.procedures.number%05d", i), "demo", v1alpha1.InvokeRoundRobin)
				if err := admin.Create(w.ctx, p); err != nil {
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

// without counts the procedures for which a condition is not true.
func (w *world) without(kind string) func() int {
	return func() (missing int) {
		w.kubelet("demo", 3)
		var all v1alpha1.WampProcedureList
		w.Expect(admin.List(w.ctx, &all, client.InNamespace(w.namespace))).To(Succeed())
		for i := range all.Items {
			if !slices.ContainsFunc(all.Items[i].Status.Conditions, func(c metav1.Condition) bool {
				return c.Type == kind && c.Status == metav1.ConditionTrue
			}) {
				missing++
			}
		}
		return missing
	}
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
