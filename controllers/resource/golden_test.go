package resource

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// full is a cluster of which as much is declared as reaches the pods.
func full() *v1alpha1.WampCluster {
	cluster := demo()
	cluster.Spec.DrainTimeout = &metav1.Duration{Duration: time.Minute}
	cluster.Spec.PartitionPolicy = v1alpha1.PartitionMajority
	cluster.Spec.ImagePullPolicy = corev1.PullAlways
	cluster.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
	cluster.Spec.Listener = v1alpha1.Listener{Port: 8443, TLS: &v1alpha1.ListenerTLS{
		SecretName: "server", ClientCA: &v1alpha1.ClientCA{ConfigMapName: "authorities"},
	}}
	cluster.Spec.Pod = v1alpha1.PodShape{
		Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"note": "b"},
		NodeSelector: map[string]string{"disk": "ssd"}, PriorityClassName: "high",
		Tolerations: []corev1.Toleration{{Key: "spot", Operator: corev1.TolerationOpExists}},
		Env:         []corev1.EnvVar{{Name: "GOGC", Value: "200"}},
	}
	return cluster
}

// An upgrade of the operator restarts routers when it makes another pod template, or another
// router.yaml, of the same WampCluster. These are the templates that operators in use make: who changes
// one restarts the routers of everybody who upgrades, and has to mean it. go test ./controllers/resource
// -update writes the files anew.
func TestPodTemplateIsTheOneOfBefore(t *testing.T) {
	for name, c := range map[string]struct {
		cluster *v1alpha1.WampCluster
		parts   int
	}{
		"default": {demo(), v1alpha1.MaxSnapshotParts},
		"full":    {full(), v1alpha1.MaxSnapshotParts},
		// Of an operator that knew snapshots of one part.
		"one-part": {demo(), 1},
	} {
		set := as[appsv1.StatefulSet](t, StatefulSet(c.cluster, image, c.parts))
		template, err := yaml.Marshal(set.Spec.Template)
		if err != nil {
			t.Fatal(err)
		}
		got := string(template) + "---\n" + string(routerConfigFile(c.cluster))
		path := filepath.Join("testdata", "pod-"+name+".yaml")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the pod template is another one than in %s: an upgrade to this operator restarts all routers. It is:\n%s", name, path, got)
		}
	}
}

// Of the operator's version nothing reaches the template but the image, if the cluster names none.
func TestTemplateKnowsTheOperatorByTheImageAlone(t *testing.T) {
	for _, cluster := range []*v1alpha1.WampCluster{demo(), full()} {
		before := toJSON(t, StatefulSet(cluster, "example.com/wamp-router:v1.2.3", v1alpha1.MaxSnapshotParts))
		after := toJSON(t, StatefulSet(cluster, "example.com/wamp-router:v9.9.9", v1alpha1.MaxSnapshotParts))
		if n := strings.Count(before, "v1.2.3"); n != 1 {
			t.Errorf("the version is in the template %d times", n)
		}
		if strings.Replace(before, "v1.2.3", "v9.9.9", 1) != after {
			t.Errorf("more than the image is different:\n%s\n%s", before, after)
		}
	}
}
