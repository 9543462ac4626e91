package secrets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// server plays the API server: it hands out one watch a request.
type server struct {
	client.WithWatch
	mu      sync.Mutex
	watches map[string]*watch.FakeWatcher // by namespace and field selector
	opened  map[string]int
	refuse  bool
}

func (s *server) Watch(ctx context.Context, list client.ObjectList, options ...client.ListOption) (watch.Interface, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, metadataOnly := list.(*metav1.PartialObjectMetadataList); !metadataOnly || list.GetObjectKind().GroupVersionKind().Kind != "SecretList" {
		return nil, fmt.Errorf("a watch of %T", list)
	}
	var o client.ListOptions
	o.ApplyOptions(options)
	key := o.Namespace + " " + o.FieldSelector.String()
	s.opened[key]++
	if s.refuse {
		return nil, errors.New("forbidden")
	}
	w := watch.NewFake()
	s.watches[key] = w
	context.AfterFunc(ctx, w.Stop)
	return w, nil
}

func (s *server) of(name string) *watch.FakeWatcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watches["apps metadata.name="+name]
}

func secret(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "apps", Name: name}
}

func wanted(names ...string) map[types.NamespacedName][]string {
	out := map[types.NamespacedName][]string{}
	for _, n := range names {
		out[secret(n)] = nil
	}
	return out
}

func object(name, version string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: corev1.SchemeGroupVersion.String(), Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name, ResourceVersion: version},
	}
}

// harness runs a Watcher and collects what it tells.
type harness struct {
	*Watcher
	server *server
	mu     sync.Mutex
	told   []string
}

func start(t *testing.T) *harness {
	s := &server{watches: map[string]*watch.FakeWatcher{}, opened: map[string]int{}}
	h := &harness{Watcher: New(s, logr.Discard()), server: s}
	h.Subscribe(func(cluster types.NamespacedName, change Change) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.told = append(h.told, strings.TrimSpace(cluster.Name+" "+change.Secret.Name+" "+change.Version))
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

// expect compares what was told since the last time, in any order.
func (h *harness) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.Sort(h.told)
	slices.Sort(want)
	if !slices.Equal(h.told, want) {
		t.Errorf("told %q, want %q", h.told, want)
	}
	h.told = nil
}

var one, two = types.NamespacedName{Name: "one"}, types.NamespacedName{Name: "two"}

// Each Secret is watched once, by its name, for all clusters that need it and as long as one does.
func TestEachSecretIsWatchedByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		h.Watch(one, wanted("a", "b"))
		h.expect(t, "one a", "one b")
		h.Watch(two, wanted("b"))
		h.Watch(one, wanted("a", "b"))
		h.expect(t)
		h.server.of("b").Modify(object("b", "7"))
		h.expect(t, "one b 7", "two b 7")
		h.server.of("b").Delete(object("b", "8"))
		h.expect(t, "one b", "two b")

		b := h.server.of("b")
		h.Watch(one, wanted("a"))
		b.Add(object("b", "9"))
		h.expect(t, "two b 9")
		h.Forget(two)
		synctest.Wait()
		if !b.IsStopped() || h.server.of("a").IsStopped() {
			t.Error("the watch of b goes on, or that of a does not")
		}
		if h.server.opened["apps metadata.name=a"] != 1 || h.server.opened["apps metadata.name=b"] != 1 || len(h.server.opened) != 2 {
			t.Errorf("watches were opened: %v", h.server.opened)
		}
	})
}

// A watch that ends begins again, and the Secret is told then, because nobody knows what happened
// meanwhile; one that cannot be watched is told at growing intervals.
func TestBrokenWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		h.Watch(one, wanted("a"))
		h.expect(t, "one a")
		h.server.of("a").Stop()
		time.Sleep(retry * 2)
		h.expect(t, "one a")
		h.server.of("a").Error(&metav1.Status{Message: "too old"})
		time.Sleep(retry * 4)
		h.expect(t, "one a")
		h.server.of("a").Modify(object("a", "3"))
		h.expect(t, "one a 3")

		h.server.mu.Lock()
		h.server.refuse = true
		h.server.mu.Unlock()
		h.server.of("a").Stop()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(h.told); n < 10 || n > 60 {
			t.Errorf("told %d times in ten minutes without a watch", n)
		}
	})
}
