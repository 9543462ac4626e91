package resource

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// secretMode lets the router's group read a Secret, and nobody else.
const secretMode = 0o440

// volumes are folders, never single files (subPath): only folders are refreshed in a running pod.
func volumes(cluster *v1alpha1.WampCluster) []*corev1ac.VolumeApplyConfiguration {
	out := []*corev1ac.VolumeApplyConfiguration{
		configMapVolume("router", ConfigName(cluster.Name)),
		configMapVolume("documents", SnapshotName(cluster.Name)),
		secretVolume("gossip", GossipSecretName(cluster.Name)),
		secretVolume("admin", AdminSecretName(cluster.Name)),
	}
	if tls := cluster.Spec.Listener.TLS; tls != nil {
		out = append(out, secretVolume("tls", tls.SecretName))
	}
	return out
}

func volumeMounts(cluster *v1alpha1.WampCluster) []*corev1ac.VolumeMountApplyConfiguration {
	out := []*corev1ac.VolumeMountApplyConfiguration{
		mount("router", configDir),
		mount("documents", documentsDir),
		mount("gossip", gossipDir),
		mount("admin", adminDir),
	}
	if cluster.Spec.Listener.TLS != nil {
		out = append(out, mount("tls", tlsDir))
	}
	return out
}

func configMapVolume(name, configMap string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(name).
		WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(configMap))
}

func secretVolume(name, secret string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(name).
		WithSecret(corev1ac.SecretVolumeSource().WithSecretName(secret).WithDefaultMode(secretMode))
}

func mount(name, path string) *corev1ac.VolumeMountApplyConfiguration {
	return corev1ac.VolumeMount().WithName(name).WithMountPath(path).WithReadOnly(true)
}
