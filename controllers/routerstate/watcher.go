package routerstate

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Options of a Watcher. The zero value is what a cluster wants; tests put their own in.
type Options struct {
	// URL gives the address of a router's state stream. Default: the admin port of the pod's
	// IP address.
	URL func(Target) string
	// Client opens the streams. Default: one that gives up dialing after 2 s.
	Client *http.Client
	// Grace is how long what was heard last is believed when no router of a cluster is heard
	// any more, and how long a cluster that was never heard is Unheard. Default 5 s.
	Grace time.Duration
	// Retry is the first pause before a broken stream is opened again; it doubles up to
	// twenty times that. Default 100 ms.
	Retry time.Duration
	Log   logr.Logger
}

func (o Options) withDefaults() Options {
	if o.URL == nil {
		o.URL = StateURL
	}
	if o.Client == nil {
		o.Client = &http.Client{Transport: &http.Transport{
			Proxy:                 nil, // pods are reached directly
			DialContext:           (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			ResponseHeaderTimeout: 5 * time.Second,
			DisableKeepAlives:     true,
		}}
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	if o.Retry == 0 {
		o.Retry = 100 * time.Millisecond
	}
	return o
}

// StateURL is the address of the state stream in a pod.
func StateURL(t Target) string {
	return "http://" + net.JoinHostPort(t.IP, strconv.Itoa(resource.PortAdmin)) + "/v1/state?watch=true"
}

// Watcher listens to the routers of all clusters. It is safe for concurrent use.
type Watcher struct {
	options Options

	ctx     context.Context
	stop    context.CancelFunc
	streams sync.WaitGroup

	mu          sync.Mutex
	clusters    map[types.NamespacedName]*cluster
	subscribers []func(Change)
}

// New gives a Watcher; Start runs it.
func New(options Options) *Watcher {
	ctx, stop := context.WithCancel(context.Background())
	return &Watcher{options: options.withDefaults(), ctx: ctx, stop: stop, clusters: map[types.NamespacedName]*cluster{}}
}

// Start waits for the end of ctx, then closes every stream and waits until all are closed.
func (w *Watcher) Start(ctx context.Context) error {
	<-ctx.Done()
	w.stop()
	w.mu.Lock()
	for _, c := range w.clusters {
		c.close()
	}
	w.clusters = map[types.NamespacedName]*cluster{}
	w.mu.Unlock()
	w.streams.Wait()
	return nil
}

// Subscribe calls f with every change from now on. f must not block and must not call the
// Watcher.
func (w *Watcher) Subscribe(f func(Change)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subscribers = append(w.subscribers, f)
}

// Watch listens to exactly these routers of a cluster, from now on with that token.
func (w *Watcher) Watch(name types.NamespacedName, targets []Target, token string) {
	w.mu.Lock()
	if w.ctx.Err() != nil {
		w.mu.Unlock()
		return
	}
	c := w.clusters[name]
	if c == nil {
		c = newCluster(w, name)
		w.clusters[name] = c
	}
	w.mu.Unlock()
	c.watch(targets, token)
}

// Forget stops listening to a cluster.
func (w *Watcher) Forget(name types.NamespacedName) {
	w.mu.Lock()
	c := w.clusters[name]
	delete(w.clusters, name)
	w.mu.Unlock()
	if c != nil {
		c.close()
	}
}

// View gives the routers of a cluster as they report themselves.
func (w *Watcher) View(name types.NamespacedName) View {
	if c := w.cluster(name); c != nil {
		return c.view()
	}
	return View{Hearing: Unheard}
}

// Procedure gives a procedure of a cluster; false when nobody has registered it.
func (w *Watcher) Procedure(name types.NamespacedName, key snapshot.ProcedureKey) (Procedure, bool) {
	if c := w.cluster(name); c != nil {
		return c.procedure(key)
	}
	return Procedure{}, false
}

func (w *Watcher) cluster(name types.NamespacedName) *cluster {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clusters[name]
}

func (w *Watcher) notify(change Change) {
	w.mu.Lock()
	subscribers := w.subscribers
	w.mu.Unlock()
	for _, f := range subscribers {
		f(change)
	}
}
