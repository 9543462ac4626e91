package demo

import "fmt"

// Welcome says what is going to happen.
func (d *Demo) Welcome() {
	fmt.Fprintln(d.out, d.paint(bold, "One dealer from three pods"))
	if d.Cluster.Local() {
		d.Say("Builds a Kubernetes (about ten minutes the first time, seconds from then on), installs the\n" +
			"operator, and shows three routers that act as one WAMP dealer.")
		return
	}
	d.Say("Installs the operator into the cluster of %s\nand shows three routers that act as one WAMP dealer. It needs:", d.Cluster.Kubeconfig)
	d.Say("- Kubernetes 1.31 or newer\n" +
		"- a user with the role cluster-admin: it creates custom resource definitions and cluster roles\n" +
		"- nodes that can get three images: from a registry (IMAGE_REGISTRY=…), or loaded into them")
	d.Say("It makes the namespaces %s and %s, and leaves them for you to look at.", OperatorNamespace, Namespace)
}

// Farewell tells how to look around and how to stop.
func (d *Demo) Farewell() {
	d.Step("All of it is still running: look around")
	if d.Cluster.Local() {
		d.Command(`eval "$(go run ./hack/kube env)"     # KUBECONFIG, and kubectl and helm in PATH`)
	} else {
		d.Command("export KUBECONFIG=" + d.Cluster.Kubeconfig)
	}
	for _, line := range []string{
		"kubectl -n " + Namespace + " get wampclusters,wamprealms,wampprocedures -o wide",
		"kubectl -n " + Namespace + " describe wampprocedure primary",
		"kubectl -n " + Namespace + " logs demo-0",
		"kubectl -n " + OperatorNamespace + " logs deployment/" + Release,
		"kubectl -n " + Namespace + " exec " + clientPod + " -- wamp-demo call -from demo-2 com.example.rotate",
	} {
		d.Command(line)
	}
	d.Gap()
	d.Say("Connect a WAMP client of your own (realm realm1, procedures and topics that begin with com.):")
	if d.Cluster.Local() {
		d.Say("in pods it is ws://demo.%s:8080/ws; from this machine, which reaches the addresses of pods:", Namespace)
		d.Command("kubectl -n " + Namespace + " get pods -o wide             # ws://IP:8080/ws, or RawSocket on IP:8080")
	} else {
		d.Say("in pods it is ws://demo.%s:8080/ws, from here:", Namespace)
		d.Command("kubectl -n " + Namespace + " port-forward service/demo 8080   # ws://127.0.0.1:8080/ws, RawSocket as well")
	}
	d.Gap()
	if d.Cluster.Local() {
		d.Say("And to end it, with all that belongs to it:")
		d.Command("make kube-down")
		return
	}
	d.Say("And to remove it:")
	d.Command("helm -n " + OperatorNamespace + " uninstall " + Release)
	d.Command("kubectl delete namespace " + Namespace + " " + OperatorNamespace)
	d.Command("kubectl delete crd wampclusters.wamp-operator.io wamprealms.wamp-operator.io wampprocedures.wamp-operator.io")
}
