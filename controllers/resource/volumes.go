package resource

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// secretMode lets the router's group read a Secret, and nobody else.
const secretMode = 0o440

// volumes are folders, never single files (subPath): only folders are refreshed in a running pod.
func volumes(cluster *v1alpha1.WampCluster, parts int) []*corev1ac.VolumeApplyConfiguration {
	out := []*corev1ac.VolumeApplyConfiguration{
		configMapVolume("router", ConfigName(cluster.Name)),
		documentsVolume(cluster, parts),
		secretVolume("gossip", GossipSecretName(cluster.Name)),
		secretVolume("admin", AdminSecretName(cluster.Name)),
	}
	if secret := TLSSecretName(cluster); secret != "" {
		out = append(out, secretVolume("tls", secret))
	}
	if ca := clientCA(cluster); ca != nil {
		out = append(out, clientCAVolume(ca))
	}
	return out
}

func volumeMounts(cluster *v1alpha1.WampCluster) []*corev1ac.VolumeMountApplyConfiguration {
	out := []*corev1ac.VolumeMountApplyConfiguration{
		mount("router", configDir),
		mount(DocumentsVolume, documentsDir),
		mount("gossip", gossipDir),
		mount("admin", adminDir),
	}
	if cluster.Spec.Listener.TLS != nil {
		out = append(out, mount("tls", tlsDir))
	}
	if clientCA(cluster) != nil {
		out = append(out, mount("client-ca", clientCADir))
	}
	return out
}

// DocumentsVolume is the name of the volume with the snapshot and the credentials.
const DocumentsVolume = "documents"

// documentsVolume is the snapshot and the credentials in one folder: they are refreshed together, so
// that a router does not see the one without the other. Of the parts of the snapshot all but the first
// may be missing.
func documentsVolume(cluster *v1alpha1.WampCluster, parts int) *corev1ac.VolumeApplyConfiguration {
	file := func(name string) *corev1ac.KeyToPathApplyConfiguration {
		return corev1ac.KeyToPath().WithKey(name).WithPath(name)
	}
	sources := []*corev1ac.VolumeProjectionApplyConfiguration{
		corev1ac.VolumeProjection().WithConfigMap(corev1ac.ConfigMapProjection().
			WithName(SnapshotName(cluster.Name, 0)).WithItems(file(SnapshotFile))),
		corev1ac.VolumeProjection().WithSecret(corev1ac.SecretProjection().
			WithName(CredentialsName(cluster.Name)).WithItems(file(CredentialsFile).WithMode(secretMode))),
	}
	for part := 1; part < parts; part++ {
		sources = append(sources, corev1ac.VolumeProjection().WithConfigMap(corev1ac.ConfigMapProjection().
			WithName(SnapshotName(cluster.Name, part)).WithOptional(true).WithItems(file(v1alpha1.SnapshotFileName(part)))))
	}
	return corev1ac.Volume().WithName(DocumentsVolume).WithProjected(corev1ac.ProjectedVolumeSource().WithSources(sources...))
}

// clientCAVolume has the one key with the authorities: beside it there may be their private key.
func clientCAVolume(ca *v1alpha1.ClientCA) *corev1ac.VolumeApplyConfiguration {
	key := ca.Key
	if key == "" {
		key = ClientCAKey
	}
	item := corev1ac.KeyToPath().WithKey(key).WithPath(clientCAFile)
	volume := corev1ac.Volume().WithName("client-ca")
	if ca.ConfigMapName != "" {
		return volume.WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(ca.ConfigMapName).WithItems(item))
	}
	return volume.WithSecret(corev1ac.SecretVolumeSource().WithSecretName(ca.SecretName).WithDefaultMode(secretMode).WithItems(item))
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
