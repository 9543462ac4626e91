package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// ContainerName is the name of the router's container.
const ContainerName = "router"

// routerUser is the user and group that distroless images call nonroot.
const routerUser = 65532

func podTemplate(cluster *v1alpha1.WampCluster, image string, parts int) *corev1ac.PodTemplateSpecApplyConfiguration {
	shape := cluster.Spec.Pod

	labels := maps.Clone(shape.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, Labels(cluster.Name))

	annotations := maps.Clone(shape.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[AnnotationConfig] = shortHash(routerConfigFile(cluster))

	spec := corev1ac.PodSpec().
		WithServiceAccountName(ServiceAccountName(cluster.Name)).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(terminationGracePeriod(cluster)).
		WithSecurityContext(podSecurity()).
		WithContainers(container(cluster, image)).
		WithVolumes(volumes(cluster, parts)...).
		WithTopologySpreadConstraints(topologySpread(cluster)...).
		WithNodeSelector(shape.NodeSelector)
	for _, secret := range cluster.Spec.ImagePullSecrets {
		spec.WithImagePullSecrets(corev1ac.LocalObjectReference().WithName(secret.Name))
	}
	for i := range shape.Tolerations {
		spec.WithTolerations(ssa.Convert[corev1ac.TolerationApplyConfiguration](shape.Tolerations[i]))
	}
	if shape.Affinity != nil {
		spec.WithAffinity(ssa.Convert[corev1ac.AffinityApplyConfiguration](shape.Affinity))
	}
	if shape.PriorityClassName != "" {
		spec.WithPriorityClassName(shape.PriorityClassName)
	}
	return corev1ac.PodTemplateSpec().WithLabels(labels).WithAnnotations(annotations).WithSpec(spec)
}

func container(cluster *v1alpha1.WampCluster, image string) *corev1ac.ContainerApplyConfiguration {
	c := corev1ac.Container().
		WithName(ContainerName).
		WithImage(image).
		WithArgs("serve", "--config", configDir+"/"+ConfigFile).
		WithEnv(
			downward("POD_NAME", "metadata.name"),
			downward("POD_IP", "status.podIP"),
		).
		WithPorts(
			port(PortNameClient, corev1.ProtocolTCP, clientPort(cluster)),
			port(PortNameAdmin, corev1.ProtocolTCP, PortAdmin),
			port(PortNameGossip, corev1.ProtocolTCP, PortGossip),
			port(PortNameGossipUDP, corev1.ProtocolUDP, PortGossip),
			port(PortNameLinks, corev1.ProtocolTCP, PortLinks),
		).
		WithResources(resources(cluster)).
		WithSecurityContext(corev1ac.SecurityContext().
			WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).
			WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))).
		// A router has a minute to start. Liveness is slow on purpose: killing a router that
		// is merely busy would drop the calls of all its clients.
		WithStartupProbe(probe("/healthz").WithPeriodSeconds(1).WithFailureThreshold(60)).
		WithLivenessProbe(probe("/healthz").WithPeriodSeconds(10).WithTimeoutSeconds(5).WithFailureThreshold(6)).
		WithReadinessProbe(probe("/readyz").WithPeriodSeconds(2).WithTimeoutSeconds(2).WithFailureThreshold(2)).
		WithVolumeMounts(volumeMounts(cluster)...)
	if cluster.Spec.ImagePullPolicy != "" {
		c.WithImagePullPolicy(cluster.Spec.ImagePullPolicy)
	}
	for i := range cluster.Spec.Pod.Env {
		c.WithEnv(ssa.Convert[corev1ac.EnvVarApplyConfiguration](cluster.Spec.Pod.Env[i]))
	}
	return c
}

// podSecurity and the container's security context meet the Restricted Pod Security Standard.
func podSecurity() *corev1ac.PodSecurityContextApplyConfiguration {
	return corev1ac.PodSecurityContext().
		WithRunAsNonRoot(true).
		WithRunAsUser(routerUser).
		WithRunAsGroup(routerUser).
		WithFSGroup(routerUser).
		WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))
}

// resources are modest requests and no limits: a throttled router is slow for all its clients.
func resources(cluster *v1alpha1.WampCluster) *corev1ac.ResourceRequirementsApplyConfiguration {
	if r := cluster.Spec.Pod.Resources; r != nil {
		return ssa.Convert[corev1ac.ResourceRequirementsApplyConfiguration](r)
	}
	return corev1ac.ResourceRequirements().WithRequests(corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("100m"),
		corev1.ResourceMemory: resource.MustParse("64Mi"),
	})
}

// topologySpread spreads routers over nodes where it can, and does not keep one from starting
// where it cannot.
func topologySpread(cluster *v1alpha1.WampCluster) []*corev1ac.TopologySpreadConstraintApplyConfiguration {
	selector := metav1ac.LabelSelector().WithMatchLabels(Selector(cluster.Name))
	constraints := cluster.Spec.Pod.TopologySpreadConstraints
	if constraints == nil {
		return []*corev1ac.TopologySpreadConstraintApplyConfiguration{
			corev1ac.TopologySpreadConstraint().
				WithMaxSkew(1).
				WithTopologyKey(corev1.LabelHostname).
				WithWhenUnsatisfiable(corev1.ScheduleAnyway).
				WithLabelSelector(selector),
		}
	}
	out := make([]*corev1ac.TopologySpreadConstraintApplyConfiguration, 0, len(constraints))
	for i := range constraints {
		c := ssa.Convert[corev1ac.TopologySpreadConstraintApplyConfiguration](constraints[i])
		if c.LabelSelector == nil {
			c.WithLabelSelector(selector)
		}
		out = append(out, c)
	}
	return out
}

func downward(name, path string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValueFrom(corev1ac.EnvVarSource().
		WithFieldRef(corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath(path)))
}

func port(name string, protocol corev1.Protocol, number int32) *corev1ac.ContainerPortApplyConfiguration {
	return corev1ac.ContainerPort().WithName(name).WithProtocol(protocol).WithContainerPort(number)
}

func probe(path string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithHTTPGet(corev1ac.HTTPGetAction().
		WithPath(path).WithPort(intstr.FromString(PortNameAdmin)))
}

func shortHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
