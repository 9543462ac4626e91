// Package controllers wires the reconcilers of all kinds into one manager. A reader starts with
// the packages cluster, realm and procedure; resource and snapshot are the pure functions that
// they rest on, routerstate is what they hear from the routers.
package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	runtimemetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/attachment"
	"github.com/wamp-operator/wamp-operator/controllers/cluster"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/index"
	"github.com/wamp-operator/wamp-operator/controllers/metrics"
	"github.com/wamp-operator/wamp-operator/controllers/procedure"
	"github.com/wamp-operator/wamp-operator/controllers/realm"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
	"github.com/wamp-operator/wamp-operator/controllers/secrets"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// Options of all reconcilers.
type Options struct {
	// RouterImage of clusters that name none.
	RouterImage string
	// Namespaces to look at; all when empty.
	Namespaces []string
	// Routers says how routers are reached.
	Routers routerstate.Options
	// Resync is how often clusters are looked at when nothing happens. Default one minute.
	Resync time.Duration
	// Retry bounds the time between two tries of what fails: when an API server that was away is back,
	// all is right soon after. Default 15 seconds.
	Retry time.Duration
	// Metrics is where the metrics of clusters are registered. Default: where controller-runtime has its own.
	Metrics prometheus.Registerer
	// SkipNameValidation lets tests run several managers in one process.
	SkipNameValidation bool
}

// reconcileTimeout bounds one pass, so that an API server that hangs holds up nobody for long.
const reconcileTimeout = 30 * time.Second

// reporter is who events say they come from.
const reporter = "wamp-operator"

// What fails is tried again after firstRetry, and then after twice as long each time, up to maxRetry or
// Options.Retry.
const (
	firstRetry = 5 * time.Millisecond
	maxRetry   = 15 * time.Second
)

// NewScheme knows the kinds of Kubernetes and those of this operator.
func NewScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// CacheOptions keeps in memory only what the operator works with: of the kinds of Kubernetes its
// own objects, and of all objects nothing that it never reads.
func CacheOptions(namespaces []string) cache.Options {
	owned := cache.ByObject{Label: resource.ManagedSelector()}
	options := cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&appsv1.StatefulSet{}:           owned,
			&corev1.Service{}:               owned,
			&corev1.ConfigMap{}:             owned,
			&corev1.ServiceAccount{}:        owned,
			&corev1.Pod{}:                   owned,
			&policyv1.PodDisruptionBudget{}: owned,
			&networkingv1.NetworkPolicy{}:   owned,
		},
	}
	if len(namespaces) > 0 {
		options.DefaultNamespaces = make(map[string]cache.Config, len(namespaces))
		for _, namespace := range namespaces {
			options.DefaultNamespaces[namespace] = cache.Config{}
		}
	}
	return options
}

// ClientOptions never reads a Secret through the cache, which would hold every Secret there is.
func ClientOptions() client.Options {
	return client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}}
}

// SetupWithManager adds all reconcilers to a manager made with CacheOptions and ClientOptions.
func SetupWithManager(ctx context.Context, mgr ctrl.Manager, options Options) error {
	if err := index.Add(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("declaring indexes: %w", err)
	}
	options.Routers.Log = mgr.GetLogger().WithName("routers")
	watcher := routerstate.New(options.Routers)
	if err := mgr.Add(watcher); err != nil {
		return fmt.Errorf("adding the watcher of routers: %w", err)
	}
	watching, err := client.NewWithWatch(mgr.GetConfig(), client.Options{
		HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(),
	})
	if err != nil {
		return fmt.Errorf("making the client that watches secrets: %w", err)
	}
	vigil := secrets.New(watching, mgr.GetLogger().WithName("secrets"))
	if err := mgr.Add(vigil); err != nil {
		return fmt.Errorf("adding the watcher of secrets: %w", err)
	}
	book := snapshot.NewBook()
	finder := &attachment.Finder{
		Client: mgr.GetClient(), Book: book, Watcher: watcher,
		Watches: func(namespace string) bool {
			return len(options.Namespaces) == 0 || slices.Contains(options.Namespaces, namespace)
		},
	}
	recorder := &conditions.Recorder{
		To: mgr.GetEventRecorder(reporter), Scheme: mgr.GetScheme(), Clusters: mgr.GetClient(), Now: time.Now,
	}
	if err := mgr.Add(recorder); err != nil {
		return fmt.Errorf("adding the recorder of events: %w", err)
	}
	if options.Metrics == nil {
		options.Metrics = runtimemetrics.Registry
	}
	err = options.Metrics.Register(&metrics.Collector{Client: mgr.GetClient(), Book: book, Watcher: watcher, Events: recorder, Elected: mgr.Elected()})
	if err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	concurrency := func(kind string, n int) controller.Options {
		return controller.Options{
			LogConstructor:          logOf(mgr.GetLogger(), kind),
			MaxConcurrentReconciles: n,
			ReconciliationTimeout:   reconcileTimeout,
			SkipNameValidation:      &options.SkipNameValidation,
			EnableWarmup:            ptr.To(true), // an operator that waits for its turn knows all when it comes
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](
				firstRetry, cmp.Or(options.Retry, maxRetry)),
		}
	}
	for _, r := range []struct {
		kind  string
		setup func() error
	}{
		{v1alpha1.KindWampCluster, func() error {
			return (&cluster.Reconciler{
				Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Book: book, Watcher: watcher, Secrets: vigil, Events: recorder,
				Image: options.RouterImage, Resync: options.Resync, Now: time.Now,
			}).SetupWithManager(mgr, concurrency(v1alpha1.KindWampCluster, 4))
		}},
		{v1alpha1.KindWampRealm, func() error {
			return (&realm.Reconciler{Client: mgr.GetClient(), Finder: finder, Events: recorder, Now: time.Now}).
				SetupWithManager(mgr, concurrency(v1alpha1.KindWampRealm, 2))
		}},
		{v1alpha1.KindWampProcedure, func() error {
			return (&procedure.Reconciler{Client: mgr.GetClient(), Finder: finder, Watcher: watcher, Events: recorder, Now: time.Now}).
				SetupWithManager(mgr, concurrency(v1alpha1.KindWampProcedure, 8))
		}},
	} {
		if err := r.setup(); err != nil {
			return fmt.Errorf("setting up the reconciler of %s: %w", r.kind, err)
		}
	}
	return nil
}
