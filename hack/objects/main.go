// Command objects prints, as YAML, what the operator makes of Kubernetes' own kinds for the WampClusters
// that the API accepts at its edges (api/v1alpha1/testdata/accepted.yaml), so that hack/oldest can look
// at it with other versions of these kinds.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

func main() {
	if err := run("api/v1alpha1/testdata/accepted.yaml"); err != nil {
		fmt.Fprintln(os.Stderr, "objects:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		cluster := &v1alpha1.WampCluster{}
		if err := yaml.Unmarshal(document, cluster); err != nil {
			return err
		}
		if cluster.Kind != "WampCluster" {
			continue
		}
		for _, object := range []any{
			resource.ServiceAccount(cluster), resource.RouterConfigMap(cluster), resource.HeadlessService(cluster),
			resource.ClientService(cluster), resource.PodDisruptionBudget(cluster), resource.NetworkPolicy(cluster),
			resource.StatefulSet(cluster, "example.com/wamp-router:1", 1),
			resource.GossipSecret(cluster, []byte("key"), nil), resource.AdminSecret(cluster, []byte("token")),
		} {
			text, err := yaml.Marshal(object)
			if err != nil {
				return err
			}
			fmt.Printf("---\n%s", text)
		}
	}
}
