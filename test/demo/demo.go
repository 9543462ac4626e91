package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/test/app"
)

// Where things are installed.
const (
	OperatorNamespace = "wamp-operator"
	Namespace         = "wamp-demo"
	Release           = "wamp-operator"
	clientPod         = "wamp-demo"
)

//go:embed client.yaml
var clientPodManifest string

// Demo runs the steps. Each prints what it does and returns what came of it.
type Demo struct {
	*Screen
	Cluster *Cluster
	Images  *Images
}

// Prepare makes sure of a cluster that has the images.
func (d *Demo) Prepare(ctx context.Context) error {
	if d.Cluster.Local() {
		return d.prepareLocal(ctx)
	}
	d.Step("The Kubernetes of " + d.Cluster.Kubeconfig)
	if err := d.Cluster.Up(ctx, d.lines()); err != nil {
		return err
	}
	if err := d.mayInstall(ctx); err != nil {
		return err
	}
	if err := d.nodes(ctx); err != nil {
		return err
	}
	if err := d.build(ctx); err != nil {
		return err
	}
	return d.provide(ctx)
}

func (d *Demo) prepareLocal(ctx context.Context) error {
	if err := d.build(ctx); err != nil {
		return err
	}
	d.Step("A Kubernetes on this machine")
	if err := d.Cluster.Up(ctx, d.lines()); err != nil {
		return err
	}
	if shell := os.Getenv("KUBECONFIG"); shell != "" && shell != d.Cluster.context {
		d.Say("The KUBECONFIG of your shell is left alone; to use that cluster: make demo KUBECONFIG=%s", shell)
	}
	if err := d.Images.Load(ctx, d.Cluster, d.lines()); err != nil {
		return err
	}
	return d.nodes(ctx)
}

func (d *Demo) build(ctx context.Context) error {
	d.Step("Three images, built without Docker")
	d.Say("%s", d.paint(dim, "compiling the operator, the router and the WAMP application"))
	if err := d.Images.Build(ctx, d.Cluster, d.lines()); err != nil {
		return err
	}
	for _, name := range imageNames {
		d.Say("%s", d.Images.ref(name))
	}
	return nil
}

func (d *Demo) nodes(ctx context.Context) error {
	nodes, err := d.Cluster.Kubectl(ctx, "get", "nodes")
	if err != nil {
		return err
	}
	d.Command("kubectl get nodes")
	d.Text(nodes)
	return nil
}

// imagesAnnotation remembers on the operator's namespace which programs are installed.
const imagesAnnotation = "wamp-demo.wamp-operator.io/images"

// Install installs the chart.
func (d *Demo) Install(ctx context.Context) error {
	d.Step("helm install: the operator")
	args := append([]string{"upgrade", "--install", Release, "charts/wamp-operator", "--namespace", OperatorNamespace, "--create-namespace"}, d.Images.values()...)
	d.Command("helm " + strings.Join(args, " "))
	had, _ := d.Cluster.Kubectl(ctx, "get", "namespace", OperatorNamespace, "-o", "jsonpath={.metadata.annotations['"+strings.ReplaceAll(imagesAnnotation, ".", `\.`)+"']}")
	if _, err := d.Cluster.Helm(ctx, args...); err != nil {
		return err
	}
	// The tag stays the same from build to build, so Kubernetes cannot see that a program changed.
	if had != "" && had != d.Images.digest {
		d.Say("The programs have changed since the last time: restarting the operator and the routers.")
		if _, err := d.Cluster.Kubectl(ctx, "rollout", "restart", "-n", OperatorNamespace, "deployment/"+Release); err != nil {
			return err
		}
		if _, err := d.Cluster.Kubectl(ctx, "delete", "pods", "-n", Namespace, "-l", "wamp-operator.io/cluster=demo", "--ignore-not-found"); err != nil {
			return err
		}
	}
	if _, err := d.Cluster.Kubectl(ctx, "annotate", "namespace", OperatorNamespace, "--overwrite", imagesAnnotation+"="+d.Images.digest); err != nil {
		return err
	}
	if _, err := d.Cluster.Kubectl(ctx, "rollout", "status", "-n", OperatorNamespace, "deployment/"+Release, "--timeout=2m"); err != nil {
		return d.explain(ctx, OperatorNamespace, err)
	}
	d.Good("the operator runs")
	return nil
}

// Apply applies config/samples and waits for three routers.
func (d *Demo) Apply(ctx context.Context) error {
	d.Step("kubectl apply: a WampCluster, a WampRealm, five WampProcedures")
	if err := d.Cluster.Apply(ctx, Namespace, "{apiVersion: v1, kind: Namespace, metadata: {name: "+Namespace+"}}"); err != nil {
		return err
	}
	d.Command("kubectl -n " + Namespace + " apply -f config/samples")
	said, err := d.Cluster.Kubectl(ctx, "apply", "-n", Namespace, "-f", "config/samples")
	if err != nil {
		return err
	}
	d.Text(said)
	if err := d.await(ctx, "condition=Ready", "wampcluster/demo"); err != nil {
		return err
	}
	if err := d.await(ctx, "condition=Ready", "wamprealm/realm1"); err != nil {
		return err
	}
	d.Good("three routers are ready and have met")
	return nil
}

// StartCallees starts the WAMP application: three callees, each connected to another router.
func (d *Demo) StartCallees(ctx context.Context) error {
	d.Step("Three callees, each connected to another router")
	deleted, err := d.Cluster.Kubectl(ctx, "delete", "pod", "-n", Namespace, clientPod, "--ignore-not-found", "--wait")
	if err != nil {
		return err
	}
	if deleted != "" { // the callees of the last time must not be taken for the new ones
		if err := d.await(ctx, "jsonpath={.status.callees}=0", "wampprocedures", "--all"); err != nil {
			return err
		}
	}
	if err := d.Cluster.Apply(ctx, Namespace, strings.Replace(clientPodManifest, "IMAGE", d.Images.ref("wamp-demo"), 1)); err != nil {
		return err
	}
	if err := d.await(ctx, "condition=Ready", "pod/"+clientPod); err != nil {
		return err
	}
	if err := d.await(ctx, "jsonpath={.status.callees}=3", "wampprocedure/rotate", "wampprocedure/primary"); err != nil {
		return err
	}
	if err := d.await(ctx, "condition=Ready", "wampprocedures", "--all"); err != nil {
		return err
	}
	d.Say("In the pod %s, of which the image is built from test/cmd/wamp-demo:", clientPod)
	d.Say("alice at demo-0, then bob at demo-1, then carol at demo-2 register the procedures.")
	return nil
}

// Look prints what there is and returns the tables that kubectl gives.
func (d *Demo) Look(ctx context.Context) (tables []string, err error) {
	for _, kind := range []string{"wampclusters", "wamprealms", "wampprocedures", "pods"} {
		table, err := d.Cluster.Kubectl(ctx, "get", kind, "-n", Namespace)
		if err != nil {
			return nil, err
		}
		d.Gap()
		d.Command("kubectl -n " + Namespace + " get " + kind)
		d.Text(table)
		tables = append(tables, table)
	}
	return tables, nil
}

// await waits for something of the demonstration's namespace.
func (d *Demo) await(ctx context.Context, what string, objects ...string) error {
	args := append([]string{"wait", "-n", Namespace, "--for=" + what, "--timeout=2m"}, objects...)
	_, err := d.Cluster.Kubectl(ctx, args...)
	return d.explain(ctx, Namespace, err)
}

// explain adds what is known about a namespace in which something did not become what it should.
func (d *Demo) explain(ctx context.Context, namespace string, err error) error {
	if err == nil {
		return nil
	}
	for _, args := range [][]string{
		{"get", "pods", "-n", namespace, "-o", "wide"},
		{"get", "wampclusters,wamprealms,wampprocedures", "-n", namespace, "-o", "wide"},
		{"get", "events", "-n", namespace, "--sort-by=.lastTimestamp", "--field-selector=type=Warning"},
	} {
		text, failed := d.Cluster.Kubectl(ctx, args...)
		if failed != nil {
			return errors.Join(err, failed)
		}
		err = fmt.Errorf("%w\n\n$ kubectl %s\n%s", err, strings.Join(args, " "), text)
	}
	if !d.Cluster.Local() && strings.Contains(err.Error(), "ImagePull") {
		err = fmt.Errorf("%w\n%s", err, d.needsImages())
	}
	return err
}

// inPod runs a command of wamp-demo in its pod and decodes what it prints.
func (d *Demo) inPod(ctx context.Context, result any, args ...string) error {
	out, err := d.Cluster.Kubectl(ctx, append([]string{"exec", "-n", Namespace, clientPod, "--", "wamp-demo"}, args...)...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), result); err != nil {
		return fmt.Errorf("wamp-demo %s printed %q: %w", args[0], out, err)
	}
	return nil
}

// Share makes calls from all routers at the same time.
func (d *Demo) Share(ctx context.Context, callsEach int) (map[string]int, error) {
	var answers map[string]int
	err := d.inPod(ctx, &answers, "share", "-calls", fmt.Sprint(callsEach), "com.example.rotate")
	return answers, err
}

// States asks every router what it holds.
func (d *Demo) States(ctx context.Context) ([]v1alpha1.RouterState, error) {
	token, err := d.Cluster.Kubectl(ctx, "get", "secret", "-n", Namespace, "demo-admin", "-o", "go-template={{.data.token | base64decode}}")
	if err != nil {
		return nil, err
	}
	var states []v1alpha1.RouterState
	err = d.inPod(ctx, &states, "state", "-token", token)
	return states, err
}

// Procedure reads a WampProcedure.
func (d *Demo) Procedure(ctx context.Context, name string) (*v1alpha1.WampProcedure, error) {
	out, err := d.Cluster.Kubectl(ctx, "get", "wampprocedure", "-n", Namespace, name, "-o", "json")
	if err != nil {
		return nil, err
	}
	p := &v1alpha1.WampProcedure{}
	if err := json.Unmarshal([]byte(out), p); err != nil {
		return nil, fmt.Errorf("reading WampProcedure %s: %w", name, err)
	}
	return p, nil
}

// TryLogin joins a realm at one router.
func (d *Demo) TryLogin(ctx context.Context, router string, login app.Login) (*app.Welcome, error) {
	welcome := &app.Welcome{}
	err := d.inPod(ctx, welcome, "login", "-at", router, "-method", login.Method, "-authid", login.AuthID, "-secret", login.Secret, login.Realm)
	return welcome, err
}

// TryRegister registers a procedure at one router and returns the ERROR, or nil.
func (d *Demo) TryRegister(ctx context.Context, router, uri, invoke string) (*app.Refusal, error) {
	var refusal *app.Refusal
	err := d.inPod(ctx, &refusal, "register", "-at", router, "-invoke", invoke, uri)
	return refusal, err
}
