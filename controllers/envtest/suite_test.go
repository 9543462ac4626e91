package envtest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/controllers"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

const (
	operatorUser = "wamp-operator-under-test"
	routerImage  = "example.com/wamp-router:test"
	// patient is for what takes a few reconciliations, also on a busy machine.
	patient = 20 * time.Second
)

var (
	config *rest.Config
	admin  client.Client
	// namespaces numbers the namespaces of tests.
	namespaces atomic.Int64
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		if os.Getenv("WAMP_REQUIRE_ENVTEST") != "" {
			fmt.Fprintln(os.Stderr, "KUBEBUILDER_ASSETS is not set: it has to name the folder with etcd and kube-apiserver; `make test-operator` sets it")
			return 1
		}
		fmt.Println("skipped: KUBEBUILDER_ASSETS does not name a folder with etcd and kube-apiserver; `make test-operator` builds both")
		return 0
	}
	ctrl.SetLogger(logr.Discard())
	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "config", "crd")},
		ErrorIfCRDPathMissing: true,
	}
	var err error
	if config, err = environment.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "starting the API server:", err)
		return 1
	}
	defer func() {
		if err := environment.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the API server:", err)
		}
	}()
	config.QPS, config.Burst = 500, 1000
	if admin, err = client.New(config, client.Options{Scheme: controllers.NewScheme()}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := grant(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "granting the operator its role:", err)
		return 1
	}
	return m.Run()
}

// grant gives the operator under test exactly the role that an installation gives it.
func grant(ctx context.Context) error {
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "rbac", "role.yaml"))
	if err != nil {
		return err
	}
	role := &rbacv1.ClusterRole{}
	if err := yaml.UnmarshalStrict(data, role); err != nil {
		return err
	}
	if err := admin.Create(ctx, role); err != nil {
		return err
	}
	return admin.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "under-test"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: operatorUser}},
	})
}

// world is what one test works in: a namespace of its own, an operator that looks at it, and the
// routers of its clusters.
type world struct {
	*WithT
	t         *testing.T
	ctx       context.Context
	namespace string
	routers   *routers
	stop      func()
	// gone has the procedures, as "CLUSTER URI", that nobody registers at the Kubernetes of the test.
	gone sync.Map
	// looks is how often the Kubernetes of the test has looked around.
	looks atomic.Int64
	// resync of the operator; half a second when it is 0. retry bounds the time between two tries of what
	// fails; a second when it is 0.
	resync, retry time.Duration
	// transport, when there, sees what the operator asks the API server.
	transport func(http.RoundTripper) http.RoundTripper
	// image of routers, and userAgent, of the operator; routerImage and the client's own when empty.
	image, userAgent string
	// metrics of the operator that runs.
	metrics *prometheus.Registry
}

// newNamespace makes a namespace with labels.
func newNamespace(t *testing.T, labels map[string]string) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", namespaces.Add(1))
	if err := admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}); err != nil {
		t.Fatal(err)
	}
	return name
}

// newWorld starts an operator; more are the other namespaces that it looks at.
func newWorld(t *testing.T, more ...string) *world {
	t.Helper()
	w := newQuietWorld(t)
	w.startOperator(more...)
	return w
}

// newQuietWorld has no operator yet.
func newQuietWorld(t *testing.T) *world {
	t.Helper()
	w := &world{WithT: NewWithT(t), t: t, ctx: t.Context(), namespace: newNamespace(t, nil), routers: newRouters(t)}
	w.SetDefaultEventuallyTimeout(patient)
	w.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	return w
}

func (w *world) startOperator(more ...string) {
	w.t.Helper()
	as := rest.CopyConfig(config)
	as.Impersonate = rest.ImpersonationConfig{UserName: operatorUser}
	as.WrapTransport, as.UserAgent = w.transport, w.userAgent
	watched := append([]string{w.namespace}, more...)
	mgr, err := ctrl.NewManager(as, ctrl.Options{
		Scheme:  controllers.NewScheme(),
		Cache:   controllers.CacheOptions(watched),
		Client:  controllers.ClientOptions(),
		Metrics: metricsserver.Options{BindAddress: "0"},
		Logger:  testLogger(w.t),
	})
	w.Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	w.metrics = prometheus.NewRegistry()
	w.Expect(controllers.SetupWithManager(ctx, mgr, controllers.Options{
		RouterImage:        cmp.Or(w.image, routerImage),
		Metrics:            w.metrics,
		Namespaces:         watched,
		SkipNameValidation: true,
		Resync:             cmp.Or(w.resync, 500*time.Millisecond),
		Retry:              cmp.Or(w.retry, time.Second),
		Routers: routerstate.Options{
			URL:    w.routers.url,
			Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
			Grace:  time.Second,
			Retry:  20 * time.Millisecond,
		},
	})).To(Succeed())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("the manager ended with: %v", err)
		}
	}
	stop := w.stop
	w.t.Cleanup(func() { stop() })
}

// testLogger shows the operator's log when OPERATOR_LOG is set.
func testLogger(t *testing.T) logr.Logger {
	if os.Getenv("OPERATOR_LOG") == "" {
		return logr.Discard()
	}
	return newWriterLogger(func(line string) { fmt.Fprintln(os.Stderr, t.Name(), strings.TrimSpace(line)) })
}
