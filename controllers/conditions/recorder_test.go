package conditions

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// notebook writes events down: what they are about, type, reason and note.
type notebook struct {
	mu     sync.Mutex
	events []string
}

func (b *notebook) Eventf(regarding, related runtime.Object, kind, reason, _, note string, args ...any) {
	about := regarding.(*corev1.ObjectReference)
	line := fmt.Sprintf("%s/%s@%s", about.Kind, about.Name, about.ResourceVersion)
	if related != nil {
		line += " and " + related.(*corev1.ObjectReference).Kind
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, strings.Join([]string{line, kind, reason, fmt.Sprintf(note, args...)}, " "))
}

func (b *notebook) since() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.events
	b.events = nil
	return out
}

func newRecorder(t *testing.T) (*Recorder, *notebook) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	book := &notebook{}
	demo := &v1alpha1.WampCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "demo"}}
	return &Recorder{
		To: book, Scheme: scheme, Now: time.Now,
		Clusters: fake.NewClientBuilder().WithScheme(scheme).WithObjects(demo).Build(),
	}, book
}

func procedureOf(cluster string, i int) *v1alpha1.WampProcedure {
	p := &v1alpha1.WampProcedure{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: fmt.Sprintf("p%d", i), ResourceVersion: "7"}}
	p.Spec.ClusterRef.Name = cluster
	return p
}

// Of very many events about the procedures of one cluster some are written, one tells of the rest, and
// those of other clusters, and of clusters themselves, are all written.
func TestTooManyEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, book := newRecorder(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = r.Start(ctx) }()
		bad := Event{Type: corev1.EventTypeWarning, Reason: "NoRouters", Action: "Observe", Note: "100% bad"}
		for i := range 5000 {
			Emit(r, procedureOf("demo", i), nil, bad)
		}
		if written := book.since(); len(written) != Burst || written[0] != "WampProcedure/p0@ Warning NoRouters 100% bad" {
			t.Errorf("%d events, %q", len(written), written[:1])
		}
		Emit(r, procedureOf("other", 1), nil, bad)
		Emit(r, &v1alpha1.WampCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "demo", ResourceVersion: "8"}},
			&corev1.Pod{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "9"}}, bad)
		if written := book.since(); len(written) != 2 || written[1] != "WampCluster/demo@ and Pod Warning NoRouters 100% bad" {
			t.Errorf("what has not been too many: %q", written)
		}
		synctest.Wait()
		time.Sleep(2 * gathering)
		synctest.Wait()
		const want = "WampCluster/demo@ Warning EventsLeftOut So many of its realms and procedures changed at once that 4900 events about them were left out (4900 NoRouters): "
		if written := book.since(); len(written) != 1 || !strings.HasPrefix(written[0], want) {
			t.Errorf("of the rest is told: %q", written)
		}
		if n := r.LeftOut(types.NamespacedName{Namespace: "apps", Name: "demo"}); n != 4900 {
			t.Errorf("%d were left out", n)
		}
		// What is good leaves room for what is bad. A trickle goes on, and more than that is told of once a minute.
		good := Event{Type: corev1.EventTypeNormal, Reason: "Ready", Action: "Observe", Note: "good"}
		time.Sleep(time.Hour)
		for i := range 1000 {
			Emit(r, procedureOf("demo", i), nil, good)
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		single, summaries := 0, []string(nil)
		for _, e := range book.since() {
			if strings.Contains(e, ReasonEventsLeftOut) {
				summaries = append(summaries, e)
			} else {
				single++
			}
		}
		if single < Burst/2+90*PerSecond || single > Burst/2+100*PerSecond {
			t.Errorf("%d events within 100 s", single)
		}
		Emit(r, procedureOf("demo", 1), nil, bad)
		if written := book.since(); len(written) != 1 || !strings.Contains(written[0], " Warning NoRouters ") {
			t.Errorf("a Warning among much that is good: %q", written)
		}
		if len(summaries) != 1 || !strings.Contains(summaries[0], " Normal EventsLeftOut ") {
			t.Errorf("summaries: %q", summaries)
		}
	})
}

// What nobody has to remember is forgotten, and of a cluster that is not there nothing is told.
func TestRecorderForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, book := newRecorder(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = r.Start(ctx) }()
		e := Event{Type: corev1.EventTypeWarning, Reason: "ClusterNotFound", Action: "Stall", Note: "bad"}
		for i := range 2 * Burst {
			Emit(r, procedureOf("nobody", i), nil, e)
			Emit(r, procedureOf(fmt.Sprintf("cluster%d", i), i), nil, e)
		}
		if written := book.since(); len(written) != 3*Burst {
			t.Errorf("%d events", len(written))
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if written := book.since(); len(written) != 0 {
			t.Errorf("told: %q", written)
		}
		if len(r.clusters) != 0 {
			t.Errorf("%d clusters are remembered", len(r.clusters))
		}
	})
}
