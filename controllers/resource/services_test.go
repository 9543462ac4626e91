package resource

import (
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
