package chart

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers"
	"github.com/wamp-operator/wamp-operator/controllers/installation"
)

const (
	releaseNamespace = "lifecycle"
	lease            = controllers.LeaseName
)

// release is a release of the chart on an API server, with a stand-in for the nodes.
type release struct {
	*server
	t *testing.T
}

// node does what a node would with the chart's Job and test pod: it runs their command with the rights
// of their ServiceAccount, and says how it ended.
func (r *release) node(ctx context.Context) {
	done := map[types.UID]bool{}
	for ctx.Err() == nil {
		var jobs batchv1.JobList
		var pods corev1.PodList
		_ = r.admin.List(ctx, &jobs, client.InNamespace(releaseNamespace))
		_ = r.admin.List(ctx, &pods, client.InNamespace(releaseNamespace))
		for _, job := range jobs.Items {
			if !done[job.UID] {
				done[job.UID] = true
				r.finish(ctx, &job, r.run(ctx, job.Spec.Template.Spec))
			}
		}
		for _, pod := range pods.Items {
			if !done[pod.UID] {
				done[pod.UID] = true
				pod.Status.Phase = corev1.PodSucceeded
				if err := r.run(ctx, pod.Spec); err != nil {
					pod.Status.Phase = corev1.PodFailed
				}
				if err := r.admin.Status().Update(ctx, &pod); err != nil {
					r.t.Error(err)
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (r *release) finish(ctx context.Context, job *batchv1.Job, failure error) {
	now := metav1.Now()
	job.Status.StartTime = &now
	kinds := []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete}
	if failure != nil {
		kinds = []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed}
	} else {
		job.Status.CompletionTime, job.Status.Succeeded = &now, 1
	}
	for _, kind := range kinds {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now, Reason: "Test"})
	}
	if err := r.admin.Status().Update(ctx, job); err != nil {
		r.t.Error(err)
	}
}

// run runs the only container's command.
func (r *release) run(ctx context.Context, pod corev1.PodSpec) error {
	config := rest.CopyConfig(r.config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + releaseNamespace + ":" + pod.ServiceAccountName,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + releaseNamespace, "system:authenticated"},
	}
	c, err := client.New(config, client.Options{Scheme: controllers.NewScheme()})
	if err != nil {
		return err
	}
	args := pod.Containers[0].Args
	_, object, _ := strings.Cut(args[1], "=")
	name, err := installation.Name(object)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	say := func(line string) { r.t.Log(args[0], "says:", line) }
	if args[0] == "apply" {
		err = installation.Apply(ctx, c, name, say)
	} else {
		err = installation.Check(ctx, c, name, lease, say)
	}
	if err != nil {
		r.t.Logf("%s ends with: %v", args[0], err)
	}
	return err
}

func (r *release) helm(args ...string) error {
	r.t.Helper()
	command := exec.CommandContext(r.t.Context(), os.Getenv("HELM"), append(args, "--namespace", releaseNamespace)...)
	command.Env = append(os.Environ(), "KUBECONFIG="+r.kubeconfig)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		return fmt.Errorf("helm %s: %w\n%s", strings.Join(args, " "), err, out.String())
	}
	return nil
}

func (r *release) must(args ...string) {
	r.t.Helper()
	if err := r.helm(args...); err != nil {
		r.t.Fatal(err)
	}
}

// owner is the ConfigMap that the values' manifests are in; nil when there is none.
func (r *release) owner() *corev1.ConfigMap {
	r.t.Helper()
	found := &corev1.ConfigMap{}
	err := r.admin.Get(r.t.Context(), types.NamespacedName{Namespace: releaseNamespace, Name: "wamp-operator-cluster"}, found)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

// has compares the procedures, with their policies, and the realms; all have to be owned by the ConfigMap.
func (r *release) has(procedures map[string]v1alpha1.InvocationPolicy, realms ...string) {
	r.t.Helper()
	var haveProcedures v1alpha1.WampProcedureList
	var haveRealms v1alpha1.WampRealmList
	for _, list := range []client.ObjectList{&haveProcedures, &haveRealms} {
		if err := r.admin.List(r.t.Context(), list, client.InNamespace(releaseNamespace)); err != nil {
			r.t.Fatal(err)
		}
	}
	have, haveNames, uid := map[string]v1alpha1.InvocationPolicy{}, []string{}, r.owner().UID
	for _, p := range haveProcedures.Items {
		have[p.Name] = p.Spec.Invoke
		if o := p.OwnerReferences; len(o) != 1 || o[0].UID != uid || p.Spec.ClusterRef.Name != "wamp" {
			r.t.Errorf("WampProcedure %s has owners %v", p.Name, o)
		}
	}
	for _, p := range haveRealms.Items {
		haveNames = append(haveNames, p.Name)
	}
	if !maps.Equal(have, procedures) || !slices.Equal(haveNames, realms) {
		r.t.Errorf("procedures %v, realms %v, want %v and %v", have, haveNames, procedures, realms)
	}
}

// The WampCluster of the values is made by helm install, changed by helm upgrade and helm rollback, and
// left to the garbage collector by helm uninstall; the rights of the Job and of the test are enough.
func TestLifecycle(t *testing.T) {
	if _, err := helm(t, "version"); err != nil {
		t.Fatal(err)
	}
	r := &release{serve(t), t}
	r.namespace(t, releaseNamespace)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { r.node(ctx); close(ended) }()
	defer func() { stop(); <-ended }()

	values := func(procedures, more string) []string {
		return []string{"--set-json", `cluster={"enabled":true,"spec":{"replicas":2},"procedures":` + procedures + more + `}`, "--timeout", "60s"}
	}
	realm := `,"realms":{"realm1":{"anonymous":{"role":"guest"},"roles":[{"name":"guest"}]}}`
	first := `{"a":{"realm":"realm1","uri":"com.a"},"b":{"realm":"realm1","uri":"com.b","invoke":"last"}}`
	r.must(append([]string{"install", "wamp-operator", "."}, values(first, realm)...)...)
	r.has(map[string]v1alpha1.InvocationPolicy{"a": "single", "b": "last"}, "realm1")
	var cluster v1alpha1.WampCluster
	if err := r.admin.Get(ctx, types.NamespacedName{Namespace: releaseNamespace, Name: "wamp"}, &cluster); err != nil || *cluster.Spec.Replicas != 2 {
		t.Fatalf("%+v, %v", cluster.Spec, err)
	}

	r.must(append([]string{"upgrade", "wamp-operator", "."}, values(`{"a":{"realm":"realm1","uri":"com.a","invoke":"first"},"c":{"realm":"realm1","uri":"com.c"}}`, "")...)...)
	r.has(map[string]v1alpha1.InvocationPolicy{"a": "first", "c": "single"})
	r.must("rollback", "wamp-operator", "1", "--timeout", "60s")
	r.has(map[string]v1alpha1.InvocationPolicy{"a": "single", "b": "last"}, "realm1")

	// Nothing that the API server refuses passes for done, and what others made is left alone.
	if err := r.helm(append([]string{"upgrade", "wamp-operator", "."}, values(`{"a":{"realm":"realm1","uri":"com..a"}}`, realm)...)...); err == nil {
		t.Error("a procedure that the API server refuses ends in a good upgrade")
	}
	other := &v1alpha1.WampProcedure{ObjectMeta: metav1.ObjectMeta{Name: "other", Namespace: releaseNamespace},
		Spec: v1alpha1.WampProcedureSpec{ClusterRef: v1alpha1.ClusterReference{Name: "wamp"}, Realm: "realm1", URI: "com.other"}}
	if err := r.admin.Create(ctx, other); err != nil {
		t.Fatal(err)
	}
	if err := r.helm(append([]string{"upgrade", "wamp-operator", "."}, values(`{"other":{"realm":"realm1","uri":"com.other"}}`, realm)...)...); err == nil {
		t.Error("a procedure of somebody else is taken over")
	}
	if err := r.admin.Delete(ctx, other); err != nil {
		t.Fatal(err)
	}
	// Nor is anything left of the upgrades that failed.
	r.must(append([]string{"upgrade", "wamp-operator", "."}, values(first, realm)...)...)
	r.has(map[string]v1alpha1.InvocationPolicy{"a": "single", "b": "last"}, "realm1")

	r.tested()

	r.must("upgrade", "wamp-operator", ".", "--reset-values", "--timeout", "60s")
	if r.owner() != nil {
		t.Error("with cluster.enabled=false the owner of the WampCluster is still there")
	}
	r.must("uninstall", "wamp-operator", "--wait", "--timeout", "30s")
	if err := r.admin.Get(ctx, types.NamespacedName{Namespace: releaseNamespace, Name: "wamp"}, &cluster); err != nil {
		t.Errorf("helm uninstall took the definitions: %v", err)
	}
	var left corev1.ServiceAccountList
	if err := r.admin.List(ctx, &left, client.InNamespace(releaseNamespace)); err != nil || len(left.Items) > 0 {
		t.Errorf("helm uninstall left %v, %v", left.Items, err)
	}
}

// tested runs helm test against an operator that is not there, and against one that is.
func (r *release) tested() {
	r.t.Helper()
	ctx := r.t.Context()
	name := types.NamespacedName{Namespace: releaseNamespace, Name: "wamp-operator"}
	if err := r.helm("test", "wamp-operator", "--timeout", "60s"); err == nil {
		r.t.Error("helm test passes without an operator")
	}
	var d appsv1.Deployment
	if err := r.admin.Get(ctx, name, &d); err != nil {
		r.t.Fatal(err)
	}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
	if err := r.admin.Status().Update(ctx, &d); err != nil {
		r.t.Fatal(err)
	}
	holder, seconds, hourAgo := "wamp-operator-0", int32(15), metav1.NewMicroTime(time.Now().Add(-time.Hour))
	l := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: releaseNamespace, Name: lease},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, RenewTime: &hourAgo}}
	if err := r.admin.Create(ctx, l); err != nil {
		r.t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := installation.Check(short, r.admin, name, lease, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "no operator works") {
		r.t.Errorf("with a lease of an hour ago: %v", err)
	}
	soon := metav1.NewMicroTime(time.Now().Add(time.Hour))
	l.Spec.RenewTime = &soon
	if err := r.admin.Update(ctx, l); err != nil {
		r.t.Fatal(err)
	}
	r.must("test", "wamp-operator", "--timeout", "60s")
}
