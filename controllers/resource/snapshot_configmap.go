package resource

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// SnapshotFile and CredentialsFile are the keys of the snapshot and of the credentials, which are
// their file names in the pod, in one folder.
const (
	SnapshotFile    = "snapshot.yaml"
	CredentialsFile = "credentials.yaml"
)

// SnapshotConfigMap tells the routers which realms and procedures they serve; hash is that of the
// content.
func SnapshotConfigMap(cluster *v1alpha1.WampCluster, content []byte, hash string) *corev1ac.ConfigMapApplyConfiguration {
	return corev1ac.ConfigMap(SnapshotName(cluster.Name), cluster.Namespace).
		WithLabels(Labels(cluster.Name)).
		WithAnnotations(map[string]string{AnnotationSnapshot: hash}).
		WithOwnerReferences(ownerReference(cluster)).
		WithData(map[string]string{SnapshotFile: string(content)})
}
