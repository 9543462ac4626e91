package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/cmd/kubectl-wamp/internal/routers"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

var now = time.Date(2026, 11, 23, 3, 14, 0, 0, time.UTC)

// answers are those of the only router, demo-0.
func answers(w http.ResponseWriter, r *http.Request) {
	procedure := v1alpha1.RouterProcedureState{
		Realm: "realm1", URI: "com.example.add", Match: "exact", Invoke: "roundrobin", Registration: 7,
		Callees: []v1alpha1.RouterCalleeState{{Stamp: uint64(now.Add(-time.Minute).UnixMicro()), Replica: "demo-0", Session: 42}},
	}
	var answer any
	switch {
	case r.Header.Get("Authorization") != "Bearer secret":
		w.WriteHeader(http.StatusUnauthorized)
		return
	case r.URL.Path == "/v1/state":
		answer = v1alpha1.RouterState{Complete: true, Procedures: []v1alpha1.RouterProcedureState{procedure}, Router: &v1alpha1.RouterReplicaState{
			Replica: "demo-0", Version: "v0.5.0", Ready: true, Members: []string{"demo-0"}, ListHash: "1", Sessions: 3,
		}}
	case r.URL.Path == "/v1/links":
		answer = v1alpha1.RouterLinks{Replica: "demo-0"}
	case r.URL.Path == "/v1/callees" && r.URL.Query().Get("realm") == "realm1":
		answer = v1alpha1.RouterCallees{RouterProcedureState: procedure, Deals: true, Sessions: []v1alpha1.RouterSessionState{{AuthID: "adder"}}}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// kubernetes is one with the WampCluster shop/demo, one router, and a WampProcedure without a callee.
func kubernetes(t *testing.T, intercept interceptor.Funcs, more ...client.Object) *plugin {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(answers))
	t.Cleanup(server.Close)
	one := int32(1)
	demo := &v1alpha1.WampCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "demo"}, Spec: v1alpha1.WampClusterSpec{Replicas: &one}}
	demo.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: "True", Message: "1 router acts as one dealer."}}
	operator := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "wamp-system", Name: "wamp-operator", Labels: operatorLabels}}
	operator.Spec.Template.Spec.Containers = []corev1.Container{{Image: "wamp-operator:0.5.0"}}
	objects := append(more, demo, operator,
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "demo-admin"}, Data: map[string][]byte{"token": []byte("secret")}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "demo-0", Labels: resource.Selector("demo")}, Status: corev1.PodStatus{Phase: corev1.PodRunning}},
		&v1alpha1.WampRealm{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "realm1"},
			Spec: v1alpha1.WampRealmSpec{ClusterRef: v1alpha1.ClusterReference{Name: "demo"}, Realm: "realm1"}},
		&v1alpha1.WampProcedure{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "subtract"},
			Spec: v1alpha1.WampProcedureSpec{ClusterRef: v1alpha1.ClusterReference{Name: "demo"}, Realm: "realm1", URI: "com.example.subtract"}})
	source := &routers.Source{
		Client: fake.NewClientBuilder().WithScheme(newScheme()).WithObjects(objects...).
			WithStatusSubresource(&v1alpha1.WampCluster{}).WithInterceptorFuncs(intercept).Build(),
		Dial: func(ctx context.Context, _, _ string, _ int) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
		},
	}
	return &plugin{clock: func() time.Time { return now }, connect: func(p *plugin) (*session, error) {
		namespace := p.overrides.Context.Namespace
		if namespace == "" {
			namespace = "shop"
		}
		return &session{Source: source, namespace: namespace}, nil
	}}
}

func run(p *plugin, args ...string) (string, error) {
	root := command(p)
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	return out.String(), err
}

// Each command says what its help promises.
func TestCommands(t *testing.T) {
	for line, wanted := range map[string][]string{
		"status":                           {"WampCluster shop/demo is Ready: 1 router acts", "demo-0"},
		"status demo":                      {"the same on every router", "Registered:    1 procedure with callees, 1 of them not declared."},
		"status -A":                        {"NAMESPACE", "shop        demo"},
		"procedures demo":                  {"com.example.add", "not declared", "com.example.subtract", "no callee"},
		"procedures demo --match subtract": {"shop/subtract"},
		"callees demo com.example.add":     {"demo-0 deals the turns", "adder", "next", "60s"},
		"callees demo com.example.add --realm realm1": {"adder"},
		"explain subtract":                            {"is not Ready", "NO   it has a callee", "Nobody has registered com.example.subtract"},
		"version":                                     {"wamp-system/wamp-operator", "wamp-operator:0.5.0", "shop/demo", "v0.5.0"},
		"version --client":                            {"kubectl-wamp"},
		"__complete status d":                         {"demo"},
		"__complete callees demo ":                    {"com.example.add", "com.example.subtract"},
		"__complete explain ":                         {"subtract"},
		"__complete procedures demo --realm ":         {"realm1"},
		"__complete callees demo x --pattern ":        {"wildcard"},
		"completion bash":                             {"kubectl-wamp"},
		"rotate-gossip-key demo":                      {"Asked for another gossip key", "2026-11-23T03:14:00.000Z"},
	} {
		out, err := run(kubernetes(t, interceptor.Funcs{}), strings.Split(line, " ")...)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		for _, want := range wanted {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", line, want, out)
			}
		}
	}
}

// Scripts get the same as JSON and as YAML.
func TestOutputForScripts(t *testing.T) {
	for _, line := range []string{"status demo", "status -A", "procedures demo", "callees demo com.example.add", "explain subtract", "version"} {
		var a, b any
		for format, into := range map[string]*any{"json": &a, "yaml": &b} {
			out, err := run(kubernetes(t, interceptor.Funcs{}), append(strings.Split(line, " "), "-o", format)...)
			if err == nil {
				err = yaml.Unmarshal([]byte(out), into)
			}
			if err != nil {
				t.Errorf("%s -o %s: %v", line, format, err)
			}
		}
		if fmt.Sprint(a) != fmt.Sprint(b) || a == nil {
			t.Errorf("%s: %v as JSON and %v as YAML", line, a, b)
		}
	}
}

// Errors say what to write instead.
func TestErrorsAreForPeople(t *testing.T) {
	for line, want := range map[string]string{
		"status dmo":                         "there is: demo",
		"status -n other":                    "choose another with -n",
		"status demo -o wide":                "write table, json or yaml",
		"procedures":                         "accepts 1 arg(s)",
		"callees demo com.example.ad":        "there is com.example.add (realm1, exact)",
		"callees demo x --pattern y":         "write exact, prefix or wildcard",
		"explain com.example.subtract":       "the name of the resource, not the URI",
		"rotate-gossip-key dmo":              "there is: demo",
		"rotate-gossip-key demo --timeout x": "invalid duration",
	} {
		if out, err := run(kubernetes(t, interceptor.Funcs{}), strings.Split(line, " ")...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q\n%s", line, err, want, out)
		}
	}
	resource := schema.GroupResource{Group: "wamp-operator.io", Resource: "wampclusters"}
	for want, err := range map[string]error{
		"install wamp-operator":              fmt.Errorf("listing: %w", &meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "WampCluster"}}),
		"create of pods/portforward":         apierrors.NewForbidden(resource, "demo", errors.New("no")),
		"log in again":                       apierrors.NewUnauthorized("expired"),
		"the API server does not answer: ":   &net.OpError{Op: "dial", Err: errors.New("refused")},
		"something else that is left alone.": errors.New("something else that is left alone."),
	} {
		if got := explained(err); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

// The operator fulfills a request in steps; the command tells them once each, and ends.
func TestRotationIsAwaited(t *testing.T) {
	steps, read := []string{"below", "below", "above", ""}, 0
	p := kubernetes(t, interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
		err := c.Get(ctx, key, o, opts...)
		cluster, ok := o.(*v1alpha1.WampCluster)
		if !ok || cluster.Annotations[v1alpha1.AnnotationRotateGossipKey] == "" {
			return err
		}
		step := steps[min(read, len(steps)-1)]
		read++
		cluster.Status.Conditions = []metav1.Condition{{Type: "Progressing", Status: "True", Message: "The new key stands " + step + "."}}
		if step == "" {
			cluster.Status.GossipKey = &v1alpha1.GossipKeyStatus{Rotated: cluster.Annotations[v1alpha1.AnnotationRotateGossipKey]}
		}
		return err
	}})
	out, err := run(p, "rotate-gossip-key", "demo", "--wait")
	if err != nil || strings.Count(out, "below") != 1 || strings.Count(out, "above") != 1 || !strings.Contains(out, "Every router has the new key alone") {
		t.Errorf("%v\n%s", err, out)
	}
}

// An operator that is away is not waited for for ever, and a request that stands is not repeated.
func TestRotationThatDoesNotBegin(t *testing.T) {
	p := kubernetes(t, interceptor.Funcs{})
	for _, said := range []string{"Asked for another", "is being replaced already"} {
		out, err := run(p, "rotate-gossip-key", "demo", "--wait", "--timeout", "50ms")
		if err == nil || !strings.Contains(err.Error(), "the operator has not begun") || !strings.Contains(out, said) {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
