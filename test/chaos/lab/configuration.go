package lab

import (
	"bytes"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

const documentsFile = "documents.yaml"

// writeDocuments writes what the routers serve. JSON is YAML.
func (l *Lab) writeDocuments() error {
	var all bytes.Buffer
	for _, d := range l.cfg.Documents {
		content, err := json.Marshal(d)
		if err != nil {
			return fmt.Errorf("writing documents: %w", err)
		}
		all.WriteString("---\n")
		all.Write(content)
		all.WriteByte('\n')
	}
	return l.write(documentsFile, all.Bytes())
}

func (l *Lab) writeConfiguration(r *Replica) error {
	c := v1alpha1.RouterConfiguration{
		TypeMeta:     metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "RouterConfiguration"},
		Listen:       fmt.Sprintf(":%d", clientPort),
		Admin:        v1alpha1.RouterAdmin{Listen: fmt.Sprintf(":%d", adminPort)},
		Documents:    []string{documentsFile},
		DrainTimeout: &metav1.Duration{Duration: l.cfg.DrainTimeout},
		Cluster: &v1alpha1.RouterClusterConfiguration{
			Name: "chaos", Replica: r.Name, KeyFile: "key",
			Gossip: fmt.Sprintf(":%d", gossipPort), Links: fmt.Sprintf(":%d", linksPort),
			Advertise: fmt.Sprintf("%s.%d", clusterNet, r.number+1),
		},
	}
	for i := range l.cfg.Replicas {
		if i != r.number {
			c.Cluster.Join = append(c.Cluster.Join, fmt.Sprintf("%s.%d:%d", clusterNet, i+1, gossipPort))
		}
	}
	content, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("writing the configuration of %s: %w", r.Name, err)
	}
	return l.write(r.Name+".yaml", content)
}
