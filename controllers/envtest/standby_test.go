package envtest

import (
	"context"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers"
)

// An operator that waits for its turn has read everything and is ready; when the one that works is
// stopped it takes over within seconds.
func TestStandbyTakesOver(t *testing.T) {
	w := newQuietWorld(t)
	operator := func() (mgr ctrl.Manager, ready func() error, stop func()) {
		options := ctrl.Options{
			Scheme: controllers.NewScheme(), Cache: controllers.CacheOptions([]string{w.namespace}), Client: controllers.ClientOptions(),
			Metrics: metricsserver.Options{BindAddress: "0"}, Logger: testLogger(t),
		}
		controllers.ElectLeader(&options, w.namespace)
		mgr, err := ctrl.NewManager(config, options)
		w.Expect(err).NotTo(HaveOccurred())
		ctx, cancel := context.WithCancel(context.Background())
		w.Expect(controllers.SetupWithManager(ctx, mgr, controllers.Options{
			RouterImage: routerImage, Namespaces: []string{w.namespace}, SkipNameValidation: true,
			Metrics: prometheus.NewRegistry(),
		})).To(Succeed())
		check := controllers.Ready(mgr.GetCache())
		ready = func() error { return check((&http.Request{}).WithContext(w.ctx)) }
		w.Expect(ready()).NotTo(Succeed(), "an operator that has not begun to read is ready")
		done := make(chan error, 1)
		go func() { done <- mgr.Start(ctx) }()
		stopped := false
		stop = func() {
			if !stopped {
				stopped = true
				cancel()
				w.Expect(<-done).To(Succeed())
			}
		}
		t.Cleanup(stop)
		return mgr, ready, stop
	}
	first, ready, stop := operator()
	w.Eventually(first.Elected()).Should(BeClosed())
	w.Eventually(ready).Should(Succeed())
	second, ready, _ := operator()
	w.Eventually(ready).Should(Succeed())
	w.Expect(second.Elected()).NotTo(BeClosed())

	cluster := w.cluster("demo", 0)
	w.create(cluster)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionTrue, "ScaledToZero"))
	begin := time.Now()
	stop()
	w.patch(cluster, `{"spec":{"replicas":1}}`)
	w.Eventually(w.condition(cluster, v1alpha1.ConditionReady)).Should(be(metav1.ConditionFalse, "NoRouterReady"))
	took := time.Since(begin)
	t.Logf("the second operator acted %.1f s after the first one was told to stop", took.Seconds())
	if took > 10*time.Second {
		t.Errorf("it took %s: a lease that was given back is asked for every second or two", took)
	}
}
