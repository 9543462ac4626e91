package resource

import (
	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

const (
	// ClientCAKey is the key of the authorities of clients where a WampCluster names none.
	ClientCAKey = "ca.crt"
	// clientCAFile is the name that they have in the pod, whatever their key is.
	clientCAFile = "ca.crt"
)

// clientOptions puts what a WampCluster says about its clients into the configuration of its
// routers. What it leaves out is left out there too: the router has the defaults.
func clientOptions(config *v1alpha1.RouterConfiguration, cluster *v1alpha1.WampCluster) {
	listener := cluster.Spec.Listener
	config.Limits = *ssa.Convert[v1alpha1.RouterLimits](cluster.Spec.Limits)
	config.WebSocket = *ssa.Convert[v1alpha1.RouterWebSocket](listener.WebSocket)
	if listener.LongPoll != nil {
		config.LongPoll = ssa.Convert[v1alpha1.RouterLongPoll](listener.LongPoll)
	}
	if listener.ProxyProtocol != nil {
		config.ProxyProtocol = ssa.Convert[v1alpha1.RouterProxyProtocol](listener.ProxyProtocol)
	}
	if tls := listener.TLS; tls != nil {
		config.TLS = &v1alpha1.RouterTLS{CertFile: tlsDir + "/tls.crt", KeyFile: tlsDir + "/tls.key", ClientAuth: tls.ClientAuth}
		if tls.ClientCA != nil {
			config.TLS.ClientCAFile = clientCADir + "/" + clientCAFile
		}
	}
}

// clientCA is where a cluster keeps the authorities of its clients; nil when it has none.
func clientCA(cluster *v1alpha1.WampCluster) *v1alpha1.ClientCA {
	if tls := cluster.Spec.Listener.TLS; tls != nil {
		return tls.ClientCA
	}
	return nil
}
