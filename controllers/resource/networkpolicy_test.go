package resource

import (
	"fmt"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// rule finds who may reach a port; it fails when the port stands in no rule or in several.
func rule(t *testing.T, policy networkingv1.NetworkPolicy, port int32) networkingv1.NetworkPolicyIngressRule {
	t.Helper()
	var found []networkingv1.NetworkPolicyIngressRule
	for _, r := range policy.Spec.Ingress {
		if slices.ContainsFunc(r.Ports, func(p networkingv1.NetworkPolicyPort) bool { return *p.Port == intstr.FromInt32(port) }) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("port %d stands in %d rules", port, len(found))
	}
	return found[0]
}

// Gossip and links are for the routers of the same cluster and for nobody else; a port that the
// policy does not name is closed.
func TestNetworkPolicyKeepsTheClusterToItself(t *testing.T) {
	policy := as[networkingv1.NetworkPolicy](t, NetworkPolicy(demo()))
	if policy.Name != "demo-router" || len(policy.Spec.PolicyTypes) != 1 || policy.Spec.PolicyTypes[0] != networkingv1.PolicyTypeIngress {
		t.Fatalf("policy %s %+v", policy.Name, policy.Spec)
	}
	if s := policy.Spec.PodSelector.MatchLabels; s[LabelCluster] != "demo" || s["app.kubernetes.io/name"] != routerName {
		t.Errorf("it is for the pods %v", s)
	}
	for _, port := range []int32{PortGossip, PortLinks} {
		from := rule(t, policy, port).From
		if len(from) != 1 || from[0].NamespaceSelector != nil || from[0].IPBlock != nil || from[0].PodSelector.MatchLabels[LabelCluster] != "demo" {
			t.Errorf("port %d is open to %+v", port, from)
		}
	}
	var ports []string
	for _, r := range policy.Spec.Ingress {
		for _, p := range r.Ports {
			ports = append(ports, fmt.Sprintf("%s %s", *p.Protocol, p.Port))
		}
	}
	slices.Sort(ports)
	if want := []string{"TCP 7946", "TCP 7947", "TCP 8080", "TCP 9090", "UDP 7946"}; !slices.Equal(ports, want) {
		t.Errorf("ports %v, want %v", ports, want)
	}
}

// By default every pod may read the metrics and everybody may be a client.
func TestNetworkPolicyDefaults(t *testing.T) {
	cluster := demo()
	cluster.Spec.Listener.Port = 9000
	policy := as[networkingv1.NetworkPolicy](t, NetworkPolicy(cluster))
	admin := rule(t, policy, PortAdmin).From
	if len(admin) != 2 || admin[1].NamespaceSelector == nil || len(admin[1].NamespaceSelector.MatchLabels) > 0 || admin[1].PodSelector != nil {
		t.Errorf("the admin port is open to %+v", admin)
	}
	if clients := rule(t, policy, 9000); clients.From != nil {
		t.Errorf("the client port is open to %+v alone", clients.From)
	}
}

// The peers of the spec are taken as they stand there, and the operator gets to its port whatever
// they are.
func TestNetworkPolicyPeers(t *testing.T) {
	clients := []networkingv1.NetworkPolicyPeer{
		{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}}},
		{NamespaceSelector: &metav1.LabelSelector{}, PodSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "wamp", Operator: metav1.LabelSelectorOpExists}}}},
	}
	monitoring := []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "sre"}}}}
	cluster := demo()
	cluster.Spec.NetworkPolicy = v1alpha1.NetworkPolicyShape{Clients: clients, Monitoring: monitoring}
	policy := as[networkingv1.NetworkPolicy](t, NetworkPolicy(cluster))
	if got := rule(t, policy, 8080).From; toJSON(t, got) != toJSON(t, clients) {
		t.Errorf("clients %s", toJSON(t, got))
	}
	admin := rule(t, policy, PortAdmin).From
	if toJSON(t, admin[1:]) != toJSON(t, monitoring) {
		t.Errorf("monitoring %s", toJSON(t, admin[1:]))
	}
	if admin[0].NamespaceSelector == nil || admin[0].PodSelector.MatchLabels["app.kubernetes.io/name"] != "wamp-operator" {
		t.Errorf("operator %s", toJSON(t, admin[0]))
	}
}

func TestNetworkPolicyMode(t *testing.T) {
	cluster := demo()
	if !WantsNetworkPolicy(cluster) {
		t.Error("a WampCluster that says nothing gets none")
	}
	cluster.Spec.NetworkPolicy.Mode = v1alpha1.NetworkPolicyNone
	if WantsNetworkPolicy(cluster) {
		t.Error("mode: None gets one")
	}
}
