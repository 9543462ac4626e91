package snapshot

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
)

// Reasons of the condition Accepted.
const (
	ReasonAccepted            = "Accepted"
	ReasonClusterNotFound     = "ClusterNotFound"
	ReasonNamespaceNotAllowed = "NamespaceNotAllowed"
	ReasonRealmNotDeclared    = "RealmNotDeclared"
	ReasonConflict            = "Conflict"
)

func accepted() conditions.State {
	return conditions.True(ReasonAccepted, "Nothing stands against it.")
}

// ClusterNotFound is the decision on an object whose cluster is not there.
func ClusterNotFound(cluster types.NamespacedName) conditions.State {
	return conditions.False(ReasonClusterNotFound, fmt.Sprintf(
		"There is no WampCluster %s: create it, or delete this object and create it anew with the name of one that is there in spec.clusterRef.", cluster))
}

func realmNotDeclared(realm string, cluster *v1alpha1.WampCluster) conditions.State {
	return conditions.False(ReasonRealmNotDeclared, fmt.Sprintf(
		"No accepted WampRealm of WampCluster %s declares the realm %q: create a WampRealm with spec.realm %q.",
		client.ObjectKeyFromObject(cluster), realm, realm))
}

func conflict(kind string, older client.Object, about string) conditions.State {
	return conditions.False(ReasonConflict, fmt.Sprintf(
		"The older %s %s already declares %s: delete one of the two.", kind, client.ObjectKeyFromObject(older), about))
}

// Door is what has to be known of a cluster: which namespaces it lets in, and how large it is.
type Door struct {
	Cluster *v1alpha1.WampCluster
	// Routers is how many there are or shall be, whichever is more: as long as one has to be stopped
	// still, it counts for a majority.
	Routers int32
	// NamespaceLabels gives the labels of a namespace, and false when there is no such
	// namespace. It is asked only where the cluster selects namespaces by label.
	NamespaceLabels func(namespace string) (map[string]string, bool)
}

// Admits decides whether objects of a namespace may be attached.
func (d Door) Admits(namespace string) conditions.State {
	if namespace == d.Cluster.Namespace {
		return accepted()
	}
	refused := func(format string, args ...any) conditions.State {
		return conditions.False(ReasonNamespaceNotAllowed, fmt.Sprintf("WampCluster %s does not let the namespace %s in: ",
			client.ObjectKeyFromObject(d.Cluster), namespace)+fmt.Sprintf(format, args...))
	}
	switch allowed := d.Cluster.Spec.AllowedNamespaces; allowed.From {
	case v1alpha1.NamespacesFromAll:
		return accepted()
	case v1alpha1.NamespacesFromSelector:
		selector, err := metav1.LabelSelectorAsSelector(allowed.Selector)
		if err != nil {
			return refused("the selector in its spec.allowedNamespaces cannot be read (%v): correct it.", err)
		}
		have, found := d.NamespaceLabels(namespace)
		if found && selector.Matches(labels.Set(have)) {
			return accepted()
		}
		return refused("give the namespace labels that match %q, or change spec.allowedNamespaces of the WampCluster.", selector)
	default:
		return refused("write from: All or from: Selector into its spec.allowedNamespaces, or use the namespace %s.", d.Cluster.Namespace)
	}
}
