package cluster

import (
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/secrets"
)

// listenerSecrets follows the Secrets that the port for clients is made of: the certificate and the
// authorities of clients. Routers read them from a volume, which a kubelet refreshes within a minute or
// two; a pod that is annotated gets it at once.
type listenerSecrets struct {
	mu       sync.Mutex
	versions map[types.NamespacedName]secretVersion
	changed  time.Time
}

// secretVersion is the resource version at which a Secret was seen first, and the one that it has now.
type secretVersion struct{ first, now string }

// listenerSecretNames gives the Secrets that the port for clients of a cluster is made of.
func listenerSecretNames(cluster *v1alpha1.WampCluster) (names []types.NamespacedName) {
	add := func(name string) {
		if name != "" {
			names = append(names, types.NamespacedName{Namespace: cluster.Namespace, Name: name})
		}
	}
	add(resource.TLSSecretName(cluster))
	if tls := cluster.Spec.Listener.TLS; tls != nil && tls.ClientCA != nil {
		add(tls.ClientCA.SecretName)
	}
	return names
}

// keep follows these Secrets and no others.
func (l *listenerSecrets) keep(names []types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := make(map[types.NamespacedName]secretVersion, len(names))
	for _, name := range names {
		next[name] = l.versions[name]
	}
	l.versions = next
}

// note takes what the watch told, and tells whether the cluster has to be looked at: a Secret is there, or
// has changed.
func (l *listenerSecrets) note(change secrets.Change, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, followed := l.versions[change.Secret]
	if !followed || change.Version == "" || change.Version == v.now {
		return false
	}
	if v.now = change.Version; v.first == "" {
		v.first = v.now
	}
	l.versions[change.Secret] = v
	if v.first != v.now {
		l.changed = now
	}
	return true
}

// seen stands for the versions of the Secrets as the watch told them.
func (l *listenerSecrets) seen() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for name, v := range l.versions {
		all = append(all, name.Name+"-"+v.now)
	}
	slices.Sort(all)
	return strings.Join(all, ".")
}

// state stands for the versions of the Secrets, with the time at which one of them changed last; it is
// empty when none has changed since this operator follows them.
func (l *listenerSecrets) state() (versions string, changed time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	news := false
	for name, v := range l.versions {
		all = append(all, name.Name+"-"+v.now)
		news = news || v.first != v.now
	}
	if !news {
		return "", time.Time{}
	}
	slices.Sort(all)
	return strings.Join(all, "."), l.changed
}
