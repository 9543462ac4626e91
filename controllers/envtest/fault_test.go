package envtest

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

var (
	faultSeeds  = flag.Int("fault.seeds", 2, "how many seeds TestFaults runs")
	faultFirst  = flag.Uint64("fault.first", 1, "the first seed of TestFaults")
	faultSeed   = flag.Uint64("fault.seed", 0, "the only seed of TestFaults, unless 0")
	faultRounds = flag.Int("fault.rounds", 5, "in how many rounds at most things happen in TestFaults/last; 7 are all")
	faultSteps  = flag.Int("fault.steps", 40, "how many steps users take in TestFaults")
)

// Whatever an API server answers, or does not, while users change things: when it is well again, all
// comes out as it does for an operator that begins afresh on the same objects and never sees a fault.
// Users walk about for a while (walk); or one thing happens at a time, and faults meet all that is done
// about it, its last step included (last).
//
// A seed that fails runs again, alone and with the operator's log, by
//
//	OPERATOR_LOG=1 go test ./controllers/envtest -run TestFaults/last -args -fault.seed=SEED
func TestFaults(t *testing.T) {
	first, seeds := *faultFirst, uint64(*faultSeeds)
	if *faultSeed != 0 {
		first, seeds = *faultSeed, 1
	}
	// They wait for most of the time, so that more of them run at once than there are processors.
	const atOnce = 4
	room := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for seed := first; seed < first+seeds; seed++ {
		for _, kind := range []struct {
			name string
			run  func(*testing.T, uint64)
		}{{"last", testLastFaults}, {"walk", testFaults}} {
			room <- struct{}{}
			running.Go(func() {
				defer func() { <-room }()
				t.Run(fmt.Sprintf("%s/seed=%d", kind.name, seed), func(t *testing.T) { kind.run(t, seed) })
			})
		}
	}
	running.Wait()
}

func testFaults(t *testing.T, seed uint64) {
	other := newNamespace(t, map[string]string{"team": "a"})
	w, f := newQuietWorld(t), newFaults(seed)
	w.transport = f.wrap
	// Nothing is looked at again just because time has passed: what went wrong has to be known.
	w.resync = 10 * time.Minute
	w.startOperator(other)
	k := w.startKubernetes(walkURIs...)
	users := &walker{world: w, Rand: rand.New(rand.NewPCG(seed, 1)), other: other}
	t.Cleanup(func() {
		t.Logf("seed %d: %s", seed, f)
		if t.Failed() {
			t.Logf("what users did:\n%s", strings.Join(users.did, "\n"))
		}
	})

	began := time.Now()
	f.on.Store(true)
	w.create(w.cluster("a", 2), w.cluster("b", 1), w.realm("realm0", "realm1", "a"), w.realm("realm1", "realm1", "b"))
	for range 4 {
		users.walk(*faultSteps / 4)
		switch users.IntN(3) {
		case 0: // an API server that is away for a while
			f.down.Store(true)
			users.walk(2)
			f.down.Store(false)
		case 1: // an operator that is replaced
			w.stop()
			users.walk(2)
			f.on.Store(false) // it finds out which kinds there are before it works
			w.startOperator(other)
			f.on.Store(true)
		}
	}
	// What is lost now is not made good by what comes after it.
	f.hard.Store(true)
	users.touchAll()
	<-time.After(2 * time.Second)
	f.on.Store(false)
	walked := time.Since(began)
	got := w.quiet(other)
	calm := time.Since(began)

	w.stop()
	k.stop()
	w.startAfresh(other)
	w.transport = nil
	w.startOperator(other)
	w.startKubernetes(walkURIs...)
	want := w.quiet(other)
	t.Logf("walked %s, calm after %s, compared after %s", walked, calm, time.Since(began))
	compare(t, "after faults", got, "without faults", want)
}

// startAfresh takes away all that an operator made and wrote, but for the Secrets, whose content is made
// once.
func (w *world) startAfresh(other string) {
	w.t.Helper()
	for _, list := range ownedLists() {
		if _, secrets := list.(*corev1.SecretList); secrets {
			continue
		}
		w.Expect(admin.List(w.ctx, list, client.InNamespace(w.namespace))).To(Succeed())
		for _, o := range items(list) {
			if metav1.GetControllerOf(o) != nil {
				w.Expect(client.IgnoreNotFound(admin.Delete(w.ctx, o, client.GracePeriodSeconds(0)))).To(Succeed())
			}
		}
	}
	for _, namespace := range []string{w.namespace, other} {
		for _, list := range userLists() {
			w.Expect(admin.List(w.ctx, list, client.InNamespace(namespace))).To(Succeed())
			for _, o := range items(list) {
				switch o := o.(type) {
				case *v1alpha1.WampCluster:
					o.Status = v1alpha1.WampClusterStatus{}
				case *v1alpha1.WampRealm:
					o.Status = v1alpha1.WampRealmStatus{}
				case *v1alpha1.WampProcedure:
					o.Status = v1alpha1.WampProcedureStatus{}
				}
				w.Expect(admin.Status().Update(w.ctx, o)).To(Succeed())
			}
		}
	}
}

func userLists() []client.ObjectList {
	return []client.ObjectList{&v1alpha1.WampClusterList{}, &v1alpha1.WampRealmList{}, &v1alpha1.WampProcedureList{}}
}

// quiet gives all that the operator made and wrote, once nothing of it has changed for a while.
func (w *world) quiet(other string) map[string]string {
	w.t.Helper()
	const calm, limit = 6 * time.Second, time.Minute // a name that is taken is tried again after 5 s
	last, since := w.everything(other), time.Now()
	for begin := time.Now(); time.Since(since) < calm; {
		if time.Since(begin) > limit {
			w.t.Fatalf("still changing after %s", limit)
		}
		<-time.After(200 * time.Millisecond)
		if now := w.everything(other); !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
	}
	return last
}

// everything gives what the operator made and wrote, by kind and name, without what is different each
// time: versions, times, addresses, and random keys.
func (w *world) everything(other string) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, namespace := range []string{w.namespace, other} {
		for _, list := range append(ownedLists(), userLists()...) {
			w.Expect(admin.List(w.ctx, list, client.InNamespace(namespace))).To(Succeed())
			for _, o := range items(list) {
				if user := isUserKind(o); user || metav1.GetControllerOf(o) != nil {
					out[fmt.Sprintf("%T %s", o, client.ObjectKeyFromObject(o))] = w.essence(o, user)
				}
			}
		}
	}
	return out
}

func isUserKind(o client.Object) bool {
	switch o.(type) {
	case *v1alpha1.WampCluster, *v1alpha1.WampRealm, *v1alpha1.WampProcedure:
		return true
	}
	return false
}

func (w *world) essence(o client.Object, user bool) string {
	w.t.Helper()
	data, err := json.Marshal(o)
	w.Expect(err).NotTo(HaveOccurred())
	var m map[string]any
	w.Expect(json.Unmarshal(data, &m)).To(Succeed())
	meta := m["metadata"].(map[string]any)
	for _, name := range []string{"resourceVersion", "uid", "generation", "creationTimestamp", "managedFields"} {
		delete(meta, name)
	}
	if !user {
		delete(m, "status")
	}
	if spec, ok := m["spec"].(map[string]any); ok { // of Services
		for _, name := range []string{"clusterIP", "clusterIPs"} {
			if spec[name] != "None" {
				delete(spec, name)
			}
		}
	}
	if status, ok := m["status"].(map[string]any); ok {
		conditions, _ := status["conditions"].([]any)
		for _, c := range conditions {
			delete(c.(map[string]any), "lastTransitionTime")
		}
	}
	out, err := yaml.Marshal(m)
	w.Expect(err).NotTo(HaveOccurred())
	return string(out)
}

func both[K comparable, V any](a, b map[K]V) func(yield func(K, V) bool) {
	return func(yield func(K, V) bool) {
		for _, m := range []map[K]V{a, b} {
			for key, value := range m {
				if !yield(key, value) {
					return
				}
			}
		}
	}
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}
