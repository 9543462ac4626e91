package resource

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// What a WampCluster says about its clients stands in the configuration of its routers in the same
// words.
func TestClientOptions(t *testing.T) {
	cluster := demo()
	if err := yaml.UnmarshalStrict([]byte(`
listener:
  port: 8443
  tls: {secretName: demo-tls, clientCA: {secretName: authorities, key: bundle.pem}, clientAuth: Require}
  webSocket:
    allowedOrigins: [https://app.example.com]
    compression: {level: 3, minSize: 1Ki, contextTakeover: true}
  longPoll: {path: /lp, pollTimeout: 20s, idleTimeout: 1m}
  proxyProtocol: {trustedSources: [10.0.0.0/8]}
limits:
  messageSize: 64Ki
  connections: 100
  keepAlive: 0s
  messagesPerSecond: 0
`), &cluster.Spec); err != nil {
		t.Fatal(err)
	}
	const want = `limits:
  connections: 100
  keepAlive: 0s
  messageSize: 64Ki
  messagesPerSecond: 0
listen: :8443
longPoll:
  idleTimeout: 1m0s
  path: /lp
  pollTimeout: 20s
proxyProtocol:
  trustedSources:
  - 10.0.0.0/8
tls:
  certFile: /etc/wamp/tls/tls.crt
  clientAuth: Require
  clientCAFile: /etc/wamp/client-ca/ca.crt
  keyFile: /etc/wamp/tls/tls.key
webSocket:
  allowedOrigins:
  - https://app.example.com
  compression:
    contextTakeover: true
    level: 3
    minSize: 1Ki
`
	if _, got, _ := strings.Cut(string(routerConfigFile(cluster)), "kind: RouterConfiguration\n"); got != want {
		t.Errorf("router.yaml has\n%s\nwant\n%s", got, want)
	}
	for _, v := range template(t, cluster).Spec.Volumes {
		if want := []corev1.KeyToPath{{Key: "bundle.pem", Path: "ca.crt"}}; v.Name == "client-ca" &&
			(v.Secret == nil || v.Secret.SecretName != "authorities" || !slices.Equal(v.Secret.Items, want)) {
			t.Errorf("the volume of the authorities is %+v, want the one key of the Secret", v.VolumeSource)
		}
	}
}

// Whatever a router lets be configured about its clients, but for what makes no sense in a pod, can be
// said in a WampCluster under the same name.
func TestOptionsHaveTheNamesOfTheRouter(t *testing.T) {
	for _, c := range []struct{ cluster, router any }{
		{v1alpha1.Limits{}, v1alpha1.RouterLimits{}},
		{v1alpha1.WebSocketOptions{}, v1alpha1.RouterWebSocket{}},
		{v1alpha1.CompressionOptions{}, v1alpha1.RouterCompression{}},
		{v1alpha1.LongPollOptions{}, v1alpha1.RouterLongPoll{}},
		{v1alpha1.ProxyProtocolOptions{}, v1alpha1.RouterProxyProtocol{}},
	} {
		if have, want := fields(c.cluster), fields(c.router); !slices.Equal(have, want) {
			t.Errorf("%T has %v, the router %v", c.cluster, have, want)
		}
	}
}

func fields(v any) (names []string) {
	for f := range reflect.TypeOf(v).Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
