package resource

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// SnapshotFile and CredentialsFile are the keys of the snapshot, or of its first part, and of the
// credentials, which are their file names in the pod, in one folder.
const (
	SnapshotFile    = "snapshot.yaml"
	CredentialsFile = "credentials.yaml"
)

// SnapshotConfigMap tells the routers which realms and procedures they serve, or has one part of that,
// which counts from 0; hash is that of the content. A part that is not needed any more is empty.
func SnapshotConfigMap(cluster *v1alpha1.WampCluster, part int, content []byte, hash string) *corev1ac.ConfigMapApplyConfiguration {
	out := corev1ac.ConfigMap(SnapshotName(cluster.Name, part), cluster.Namespace).
		WithLabels(Labels(cluster.Name)).
		WithOwnerReferences(ownerReference(cluster))
	if len(content) > 0 {
		out.WithAnnotations(map[string]string{AnnotationSnapshot: hash}).
			WithData(map[string]string{v1alpha1.SnapshotFileName(part): string(content)})
	}
	return out
}
