package routers

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

var demo = types.NamespacedName{Namespace: "shop", Name: "demo"}

// router plays the administration port of one; handle may be nil.
type router struct {
	state   *v1alpha1.RouterState
	old     bool // knows /v1/state alone
	refuses bool // nobody listens
	asked   atomic.Int32
	settles int32 // from this question on its lists have the hash "same"
}

func (r *router) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Header.Get("Authorization") != "Bearer secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var answer any
	switch request.URL.Path {
	case "/v1/state":
		state := *r.state
		self := *state.Router
		if r.asked.Add(1) >= r.settles && r.settles > 0 {
			self.ListHash = "same"
		}
		state.Router = &self
		answer = state
	case "/v1/links":
		answer = v1alpha1.RouterLinks{Replica: r.state.Router.Replica}
	case "/v1/callees":
		answer = v1alpha1.RouterCallees{RouterProcedureState: v1alpha1.RouterProcedureState{URI: request.URL.Query().Get("uri")}, Deals: true}
	}
	if answer == nil || r.old && request.URL.Path != "/v1/state" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func state(replica, hash string) *v1alpha1.RouterState {
	return &v1alpha1.RouterState{Complete: true, Router: &v1alpha1.RouterReplicaState{Replica: replica, Ready: true, ListHash: hash}}
}

// source is one whose API server has these objects beside a cluster with its Secret and a pod for each
// router.
func source(t *testing.T, routers map[string]*router, intercept interceptor.Funcs, objects ...client.Object) *Source {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	objects = append(objects, &v1alpha1.WampCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "demo"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "demo-admin"}, Data: map[string][]byte{"token": []byte("secret")}})
	addresses := map[string]string{}
	for name, r := range routers {
		objects = append(objects, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: resource.Selector("demo")},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning},
		})
		server := httptest.NewServer(r)
		t.Cleanup(server.Close)
		addresses[name] = server.Listener.Addr().String()
	}
	return &Source{
		Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(intercept).Build(),
		Dial: func(ctx context.Context, namespace, pod string, port int) (net.Conn, error) {
			if namespace != "shop" || port != 9090 || routers[pod].refuses {
				return nil, errors.New("connection refused")
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", addresses[pod])
		},
	}
}

// Every router is asked with the token; one that does not answer is named with the reason, and one of an
// older version is heard all the same.
func TestLook(t *testing.T) {
	s := source(t, map[string]*router{
		"demo-0": {state: state("demo-0", "a")}, "demo-1": {state: state("demo-1", "a"), old: true}, "demo-2": {refuses: true},
		"demo-10": {state: &v1alpha1.RouterState{}},
	}, interceptor.Funcs{},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "demo-3", Labels: resource.Selector("demo")}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "other-0", Labels: resource.Selector("other")}},
		&v1alpha1.WampRealm{ObjectMeta: metav1.ObjectMeta{Namespace: "elsewhere", Name: "r"},
			Spec: v1alpha1.WampRealmSpec{ClusterRef: v1alpha1.ClusterReference{Namespace: "shop", Name: "demo"}, Realm: "realm1"}},
		&v1alpha1.WampProcedure{ObjectMeta: metav1.ObjectMeta{Namespace: "elsewhere", Name: "p"},
			Spec: v1alpha1.WampProcedureSpec{ClusterRef: v1alpha1.ClusterReference{Name: "demo"}}},
	)
	// A router that says nothing of itself is one that does not answer.
	c, err := s.Look(t.Context(), demo)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range c.Pods {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "demo-0 demo-1 demo-2 demo-3 demo-10" {
		t.Errorf("pods %s", got)
	}
	if len(c.States) != 2 || c.States["demo-0"] == nil || c.States["demo-1"] == nil || len(c.Links) != 1 || c.Links["demo-0"] == nil {
		t.Errorf("heard %v, links of %v", c.States, c.Links)
	}
	if len(c.Trouble) != 2 || !strings.Contains(c.Trouble["demo-2"], "connection refused") || c.Trouble["demo-10"] == "" || c.Silence != "" {
		t.Errorf("trouble %v, silence %q", c.Trouble, c.Silence)
	}
	if len(c.Realms) != 1 || len(c.Procedures) != 0 || c.Partial != "" {
		t.Errorf("realms %v, procedures %v, partial %q", c.Realms, c.Procedures, c.Partial)
	}
	details, err := s.Callees(t.Context(), c, snapshot.ProcedureKey{Realm: "realm1", URI: "com.example.a"})
	if err != nil || len(details) != 1 || details["demo-0"].URI != "com.example.a" {
		t.Errorf("%v, %v", details, err)
	}
}

// Lists that differ for a moment are read again; those that go on to differ are said to.
func TestListsAreReadAgain(t *testing.T) {
	for settles, agree := range map[int32]bool{2: true, 3: true, 9: false} {
		routers := map[string]*router{"demo-0": {state: state("demo-0", "a"), settles: settles}, "demo-1": {state: state("demo-1", "b"), settles: settles}}
		c, err := source(t, routers, interceptor.Funcs{}).Look(t.Context(), demo)
		if err != nil || c.Agree() != agree {
			t.Errorf("settled at the look %d: %v, %v", settles, c.Agree(), err)
		}
		if n := routers["demo-0"].asked.Load(); n != min(settles, looks) {
			t.Errorf("settled at the look %d: looked %d times", settles, n)
		}
	}
}

func forbid(resource, name string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, name, errors.New("no"))
}

// Whoever may read less sees less, and what is missing is said.
func TestFewRights(t *testing.T) {
	all := &v1alpha1.WampProcedure{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p"},
		Spec: v1alpha1.WampProcedureSpec{ClusterRef: v1alpha1.ClusterReference{Name: "demo"}}}
	intercept := interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if _, secret := o.(*corev1.Secret); secret {
				return forbid("secrets", key.Name)
			}
			err := c.Get(ctx, key, o, opts...)
			if cluster, ok := o.(*v1alpha1.WampCluster); ok {
				cluster.Spec.AllowedNamespaces.From = v1alpha1.NamespacesFromAll
			}
			return err
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if len(opts) == 0 {
				return forbid("wampprocedures", "")
			}
			return c.List(ctx, list, opts...)
		},
	}
	c, err := source(t, map[string]*router{"demo-0": {state: state("demo-0", "a")}}, intercept, all).Look(t.Context(), demo)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.States) != 0 || !strings.Contains(c.Silence, "may not read the Secret shop/demo-admin") {
		t.Errorf("silence %q, states %v", c.Silence, c.States)
	}
	if len(c.Procedures) != 1 || !strings.Contains(c.Partial, "of other namespaces than shop") {
		t.Errorf("procedures %v, partial %q", c.Procedures, c.Partial)
	}
}

// A router with another token is not silent without a reason.
func TestTokenThatIsRefused(t *testing.T) {
	s := source(t, map[string]*router{"demo-0": {state: state("demo-0", "a")}}, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			err := c.Get(ctx, key, o, opts...)
			if secret, ok := o.(*corev1.Secret); ok {
				secret.Data["token"] = []byte("another")
			}
			return err
		},
	})
	c, err := s.Look(t.Context(), demo)
	if err != nil || !strings.Contains(c.Trouble["demo-0"], "refuses the token") {
		t.Errorf("%v, %v", c.Trouble, err)
	}
}

// Who misspells a name reads which there are.
func TestNoSuchCluster(t *testing.T) {
	s := source(t, nil, interceptor.Funcs{})
	for name, want := range map[types.NamespacedName]string{
		{Namespace: "shop", Name: "dmo"}:  "there is: demo",
		{Namespace: "other", Name: "dmo"}: "choose another namespace with -n",
	} {
		if _, err := s.Look(t.Context(), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
