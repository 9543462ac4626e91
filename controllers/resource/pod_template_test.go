package resource

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

func template(t *testing.T, cluster *v1alpha1.WampCluster) corev1.PodTemplateSpec {
	t.Helper()
	return as[corev1.PodTemplateSpec](t, podTemplate(cluster, image, v1alpha1.MaxSnapshotParts))
}

// What changes often must not restart routers: of a WampCluster only the image, the listener, the
// drain timeout and the pod shape reach the template.
func TestWhatDoesNotRestartRouters(t *testing.T) {
	before := toJSON(t, template(t, demo()))
	for name, change := range map[string]func(*v1alpha1.WampCluster){
		"replicas":           func(c *v1alpha1.WampCluster) { c.Spec.Replicas = ptr.To[int32](7) },
		"allowed namespaces": func(c *v1alpha1.WampCluster) { c.Spec.AllowedNamespaces.From = v1alpha1.NamespacesFromAll },
		"service": func(c *v1alpha1.WampCluster) {
			c.Spec.Service = v1alpha1.ServiceShape{Type: corev1.ServiceTypeLoadBalancer, Port: 80, Annotations: map[string]string{"a": "b"}}
		},
		"metadata": func(c *v1alpha1.WampCluster) {
			c.Labels, c.Annotations = map[string]string{"a": "b"}, map[string]string{"a": "b"}
			c.Generation, c.ResourceVersion = 12, "34"
		},
		"status": func(c *v1alpha1.WampCluster) { c.Status.SnapshotHash, c.Status.Procedures = "0123", 5 },
	} {
		cluster := demo()
		change(cluster)
		if after := toJSON(t, template(t, cluster)); after != before {
			t.Errorf("a change of %s reaches the pod template:\n%s\n%s", name, before, after)
		}
	}
	// Snapshot, keys and certificates are mounted by name: no content of theirs is an argument of
	// the template at all. A certificate's Secret is there by its name alone.
	cluster := demo()
	cluster.Spec.Listener.TLS = &v1alpha1.ListenerTLS{SecretName: "demo-tls"}
	if tls := toJSON(t, template(t, cluster)); strings.Count(tls, "demo-tls") != 1 {
		t.Errorf("the Secret of the certificate stands in the template other than as a volume:\n%s", tls)
	}
}

// The hash of router.yaml is in the template: routers read that file only when they start.
func TestConfigurationRestartsRouters(t *testing.T) {
	cluster := demo()
	before := template(t, cluster).Annotations[AnnotationConfig]
	cluster.Spec.Listener.Port = 9000
	if after := template(t, cluster).Annotations[AnnotationConfig]; before == "" || before == after {
		t.Errorf("another port, and the hash is %q after %q", after, before)
	}
}

// The pods run in a namespace that enforces the Restricted Pod Security Standard.
func TestRestricted(t *testing.T) {
	spec := template(t, demo()).Spec
	if *spec.AutomountServiceAccountToken || *spec.EnableServiceLinks {
		t.Error("routers get a token or the addresses of Services")
	}
	p := spec.SecurityContext
	if !*p.RunAsNonRoot || *p.RunAsUser == 0 || p.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("security context of the pod: %+v", p)
	}
	for _, c := range spec.Containers {
		s := c.SecurityContext
		if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Add) > 0 ||
			len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
			t.Errorf("security context of %s: %+v", c.Name, s)
		}
		for _, m := range c.VolumeMounts {
			if m.SubPath != "" || !m.ReadOnly {
				t.Errorf("%s is mounted as a single file or writable: such a mount is never refreshed", m.Name)
			}
		}
	}
	for _, v := range spec.Volumes {
		if v.HostPath != nil || (v.Secret != nil && *v.Secret.DefaultMode&0o7 != 0) {
			t.Errorf("volume %s is a path of the node, or everybody may read it", v.Name)
		}
	}
}

func TestProbes(t *testing.T) {
	c := template(t, demo()).Spec.Containers[0]
	for name, probe := range map[string]*corev1.Probe{"/healthz": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
		if probe.HTTPGet.Path != name || probe.HTTPGet.Port.StrVal != PortNameAdmin {
			t.Errorf("probe %+v, want %s on the admin port", probe.HTTPGet, name)
		}
	}
	if c.StartupProbe.HTTPGet.Path != "/healthz" {
		t.Errorf("startup probe %+v", c.StartupProbe.HTTPGet)
	}
}

// Whatever the pod shape says, the pods are found by the cluster's selector and keep what the
// operator needs.
func TestPodShape(t *testing.T) {
	cluster := demo()
	cluster.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
	cluster.Spec.ImagePullPolicy = corev1.PullNever
	cluster.Spec.Pod = v1alpha1.PodShape{
		Labels:            map[string]string{"team": "a", LabelCluster: "other"},
		Annotations:       map[string]string{"note": "b", AnnotationConfig: "c"},
		NodeSelector:      map[string]string{"disk": "ssd"},
		Tolerations:       []corev1.Toleration{{Key: "spot", Operator: corev1.TolerationOpExists}},
		PriorityClassName: "high",
		Env:               []corev1.EnvVar{{Name: "GOGC", Value: "200"}},
		Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{Weight: 7}},
		}},
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{
			{MaxSkew: 2, TopologyKey: "zone", WhenUnsatisfiable: corev1.DoNotSchedule},
			{MaxSkew: 1, TopologyKey: "rack", LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"x": "y"}}},
		},
		Resources: &corev1.ResourceRequirements{Claims: []corev1.ResourceClaim{{Name: "device"}}},
	}
	p := template(t, cluster)
	if p.Labels["team"] != "a" || p.Labels[LabelCluster] != "demo" {
		t.Errorf("labels %v", p.Labels)
	}
	if p.Annotations["note"] != "b" || p.Annotations[AnnotationConfig] == "c" {
		t.Errorf("annotations %v", p.Annotations)
	}
	s, c := p.Spec, p.Spec.Containers[0]
	if s.NodeSelector["disk"] != "ssd" || len(s.Tolerations) != 1 || s.PriorityClassName != "high" ||
		s.Affinity.NodeAffinity == nil || s.ImagePullSecrets[0].Name != "registry" {
		t.Errorf("pod %+v", s)
	}
	if c.ImagePullPolicy != corev1.PullNever || c.Image != image || c.Resources.Claims[0].Name != "device" || c.Resources.Requests != nil {
		t.Errorf("container %+v", c)
	}
	if len(c.Env) != 3 || c.Env[0].Name != "POD_NAME" || c.Env[1].Name != "POD_IP" || c.Env[2].Name != "GOGC" {
		t.Errorf("environment %+v", c.Env)
	}
	if len(s.TopologySpreadConstraints) != 2 ||
		s.TopologySpreadConstraints[0].LabelSelector.MatchLabels[LabelCluster] != "demo" ||
		s.TopologySpreadConstraints[1].LabelSelector.MatchLabels["x"] != "y" {
		t.Errorf("spread %+v", s.TopologySpreadConstraints)
	}
	if cluster.Spec.Pod.Labels[LabelCluster] != "other" {
		t.Error("the builder changed the WampCluster that it was given")
	}
}

func TestDefaultSpread(t *testing.T) {
	spread := template(t, demo()).Spec.TopologySpreadConstraints
	if len(spread) != 1 || spread[0].TopologyKey != corev1.LabelHostname || spread[0].WhenUnsatisfiable != corev1.ScheduleAnyway {
		t.Errorf("spread %+v: routers prefer different nodes and start without them", spread)
	}
	cluster := demo()
	cluster.Spec.Pod.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{}
	if spread := template(t, cluster).Spec.TopologySpreadConstraints; len(spread) != 0 {
		t.Errorf("an empty list gives %+v", spread)
	}
}
