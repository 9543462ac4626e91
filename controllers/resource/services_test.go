package resource

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// A router joins before it is ready: the others must find it by then.
func TestHeadlessService(t *testing.T) {
	s := as[corev1.Service](t, HeadlessService(demo()))
	if s.Name != "demo-headless" || s.Spec.ClusterIP != corev1.ClusterIPNone || !s.Spec.PublishNotReadyAddresses {
		t.Errorf("service %s %+v", s.Name, s.Spec)
	}
	ports := map[string]corev1.ServicePort{}
	for _, p := range s.Spec.Ports {
		ports[p.Name] = p
	}
	if ports[PortNameGossipUDP].Protocol != corev1.ProtocolUDP || ports[PortNameGossipUDP].Port != PortGossip || ports[PortNameLinks].Port != PortLinks {
		t.Errorf("ports %+v", s.Spec.Ports)
	}
}

func TestClientService(t *testing.T) {
	s := as[corev1.Service](t, ClientService(demo()))
	if s.Name != "demo" || s.Spec.Type != corev1.ServiceTypeClusterIP || len(s.Spec.Ports) != 1 {
		t.Fatalf("service %s %+v", s.Name, s.Spec)
	}
	if p := s.Spec.Ports[0]; p.Port != 8080 || p.TargetPort.StrVal != PortNameClient || p.NodePort != 0 {
		t.Errorf("port %+v", p)
	}
	if s.Spec.PublishNotReadyAddresses {
		t.Error("clients are sent to routers that are not ready")
	}

	cluster := demo()
	cluster.Spec.Service = v1alpha1.ServiceShape{Type: corev1.ServiceTypeNodePort, Port: 80, NodePort: 30080, Annotations: map[string]string{"a": "b"},
		SessionAffinity: corev1.ServiceAffinityClientIP}
	s = as[corev1.Service](t, ClientService(cluster))
	if p := s.Spec.Ports[0]; p.Port != 80 || p.NodePort != 30080 || s.Spec.Type != corev1.ServiceTypeNodePort || s.Annotations["a"] != "b" ||
		s.Spec.SessionAffinity != corev1.ServiceAffinityClientIP {
		t.Errorf("service %+v", s)
	}
}

// What a load balancer needs to know stands in the client Service alone.
func TestServiceForLoadBalancers(t *testing.T) {
	cluster := demo()
	cluster.Spec.Service = v1alpha1.ServiceShape{Type: corev1.ServiceTypeLoadBalancer,
		ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal, LoadBalancerClass: "example.com/internal"}
	s := as[corev1.Service](t, ClientService(cluster))
	if s.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal || *s.Spec.LoadBalancerClass != "example.com/internal" {
		t.Errorf("service %+v", s.Spec)
	}
	if h := as[corev1.Service](t, HeadlessService(cluster)); h.Spec.ExternalTrafficPolicy != "" || h.Spec.LoadBalancerClass != nil {
		t.Errorf("headless service %+v", h.Spec)
	}
}

// Clients and routers have the same IP families; where nothing is said, Kubernetes decides.
func TestServiceFamilies(t *testing.T) {
	cluster := demo()
	for range 2 {
		for _, s := range []corev1.Service{as[corev1.Service](t, ClientService(cluster)), as[corev1.Service](t, HeadlessService(cluster))} {
			want := cluster.Spec.Service
			if policy := s.Spec.IPFamilyPolicy; (policy == nil) != (want.IPFamilyPolicy == "") || policy != nil && *policy != want.IPFamilyPolicy {
				t.Errorf("%s: policy %v, want %q", s.Name, policy, want.IPFamilyPolicy)
			}
			if !slices.Equal(s.Spec.IPFamilies, want.IPFamilies) {
				t.Errorf("%s: families %v, want %v", s.Name, s.Spec.IPFamilies, want.IPFamilies)
			}
		}
		cluster.Spec.Service.IPFamilyPolicy = corev1.IPFamilyPolicyPreferDualStack
		cluster.Spec.Service.IPFamilies = []corev1.IPFamily{corev1.IPv6Protocol, corev1.IPv4Protocol}
	}
}
