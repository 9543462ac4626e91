package secrets

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// retry is the first pause before a broken watch begins again; it doubles up to retryMax.
	retry    = 100 * time.Millisecond
	retryMax = 30 * time.Second
)

// Watcher watches the Secrets that clusters need. It is safe for concurrent use.
type Watcher struct {
	client client.WithWatch
	log    logr.Logger

	ctx     context.Context
	stop    context.CancelFunc
	streams sync.WaitGroup

	mu          sync.Mutex
	watched     map[types.NamespacedName]*stream
	subscribers []func(cluster types.NamespacedName, change Change)
}

// Change says that a Secret may be another one than before.
type Change struct {
	Secret types.NamespacedName
	// Version is the resource version that it has now; empty when it is gone, or when it is not
	// known what it is now.
	Version string
}

// stream is the watch of one Secret, and the clusters that it is for.
type stream struct {
	cancel   context.CancelFunc
	clusters map[types.NamespacedName]struct{}
}

// New gives a Watcher; Start runs it. The client must not read from a cache.
func New(c client.WithWatch, log logr.Logger) *Watcher {
	ctx, stop := context.WithCancel(context.Background())
	return &Watcher{client: c, log: log, ctx: ctx, stop: stop, watched: map[types.NamespacedName]*stream{}}
}

// Start waits for the end of ctx, then ends every watch and waits until all have ended.
func (w *Watcher) Start(ctx context.Context) error {
	<-ctx.Done()
	w.mu.Lock()
	w.stop()
	w.mu.Unlock()
	w.streams.Wait()
	return nil
}

// Subscribe calls f with every change from now on. f must not block and must not call the Watcher.
func (w *Watcher) Subscribe(f func(cluster types.NamespacedName, change Change)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subscribers = append(w.subscribers, f)
}

// Watch watches exactly these Secrets for a cluster. Every Secret that is new is told once when its
// watch has begun: what happened to it between somebody's reading it and that is not lost.
func (w *Watcher) Watch(cluster types.NamespacedName, secrets map[types.NamespacedName][]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	for name, s := range w.watched {
		if _, wanted := secrets[name]; wanted {
			continue
		}
		delete(s.clusters, cluster)
		if len(s.clusters) == 0 {
			s.cancel()
			delete(w.watched, name)
		}
	}
	for name := range secrets {
		s := w.watched[name]
		if s == nil {
			s = w.begin(name)
		}
		s.clusters[cluster] = struct{}{}
	}
}

// Forget ends what is watched for a cluster.
func (w *Watcher) Forget(cluster types.NamespacedName) { w.Watch(cluster, nil) }

func (w *Watcher) begin(name types.NamespacedName) *stream {
	ctx, cancel := context.WithCancel(w.ctx)
	s := &stream{cancel: cancel, clusters: map[types.NamespacedName]struct{}{}}
	w.watched[name] = s
	w.streams.Go(func() {
		defer cancel()
		w.run(ctx, name)
	})
	return s
}

// run keeps a watch open until ctx is done.
func (w *Watcher) run(ctx context.Context, name types.NamespacedName) {
	pause := retry
	for ctx.Err() == nil {
		began := time.Now()
		err := w.follow(ctx, name)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > retryMax {
			pause = retry
		}
		if err != nil {
			w.log.Info("watch of a secret ended", "secret", name.String(), "reason", err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, retryMax)
	}
}

// follow watches until the API server ends it, which it does now and then. A Secret that cannot be
// watched is told at every attempt, so that it is at least looked at again.
func (w *Watcher) follow(ctx context.Context, name types.NamespacedName) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	changes, err := w.client.Watch(ctx, list, client.InNamespace(name.Namespace),
		client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector(metav1.ObjectNameField, name.Name)})
	w.tell(ctx, Change{Secret: name})
	if err != nil {
		return err
	}
	defer changes.Stop()
	for change := range changes.ResultChan() {
		object, ok := change.Object.(metav1.Object)
		switch {
		case change.Type == watch.Error:
			return fmt.Errorf("the API server says: %v", change.Object)
		case change.Type == watch.Deleted:
			w.tell(ctx, Change{Secret: name})
		case ok && object.GetName() == name.Name:
			w.tell(ctx, Change{Secret: name, Version: object.GetResourceVersion()})
		}
	}
	return nil
}

func (w *Watcher) tell(ctx context.Context, change Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.watched[change.Secret]
	if s == nil || ctx.Err() != nil {
		return
	}
	for cluster := range s.clusters {
		for _, f := range w.subscribers {
			f(cluster, change)
		}
	}
}
