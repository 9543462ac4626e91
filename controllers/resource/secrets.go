package resource

import (
	"crypto/rand"
	"encoding/hex"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Keys in the Secrets, which are file names in the pod.
const (
	GossipKey  = "key"
	AdminToken = "token"
)

// NewGossipKey makes a key of 32 random bytes.
func NewGossipKey() []byte { return randomBytes() }

// NewAdminToken makes a bearer token of 256 bits.
func NewAdminToken() []byte {
	return []byte(hex.EncodeToString(randomBytes()))
}

func randomBytes() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

// GossipSecret holds the keys that encrypt what routers say to one another, as v1alpha1.FormatKeys
// writes them. Annotations that are empty are left out.
func GossipSecret(cluster *v1alpha1.WampCluster, keys []byte, annotations map[string]string) *corev1ac.SecretApplyConfiguration {
	out := secret(cluster, GossipSecretName(cluster.Name), GossipKey, keys)
	for name, value := range annotations {
		if value != "" {
			out.WithAnnotations(map[string]string{name: value})
		}
	}
	return out
}

// AdminSecret holds the token with which the operator reads the routers' state.
func AdminSecret(cluster *v1alpha1.WampCluster, token []byte) *corev1ac.SecretApplyConfiguration {
	return secret(cluster, AdminSecretName(cluster.Name), AdminToken, token)
}

// CredentialsSecret gives the routers what the realms that they serve refer to in Secrets, and
// nothing else of these.
func CredentialsSecret(cluster *v1alpha1.WampCluster, content []byte) *corev1ac.SecretApplyConfiguration {
	return secret(cluster, CredentialsName(cluster.Name), CredentialsFile, content)
}

func secret(cluster *v1alpha1.WampCluster, name, key string, value []byte) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(name, cluster.Namespace).
		WithLabels(Labels(cluster.Name)).
		WithOwnerReferences(ownerReference(cluster)).
		WithType(corev1.SecretTypeOpaque).
		WithData(map[string][]byte{key: value})
}
