package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// needed is what a user of a cluster that somebody else runs has to be allowed, as verb and resource.
var needed = [][]string{
	{"create", "namespaces"},
	{"create", "customresourcedefinitions.apiextensions.k8s.io"},
	{"create", "clusterroles.rbac.authorization.k8s.io"},
	{"create", "clusterrolebindings.rbac.authorization.k8s.io"},
	{"create", "pods/exec"},
}

// mayInstall asks the cluster for every permission that is needed, before anything is changed.
func (d *Demo) mayInstall(ctx context.Context) error {
	var missing []string
	for _, n := range needed {
		// Without the permission the answer is "no" and an exit status.
		if answer, err := d.Cluster.Kubectl(ctx, "auth", "can-i", n[0], n[1], "--all-namespaces"); strings.TrimSpace(answer) != "yes" {
			if err != nil && strings.TrimSpace(answer) != "no" {
				return err
			}
			missing = append(missing, n[0]+" "+n[1])
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the user of %s may not %s in this cluster: use one with the role cluster-admin", d.Cluster.Kubeconfig, strings.Join(missing, ", nor "))
	}
	return nil
}

// Push uploads the images to the registry that their names begin with, with the credentials that
// `docker login` keeps (~/.docker/config.json) when there are any.
func (i *Images) Push(ctx context.Context) error {
	for _, image := range imageNames {
		ref, err := name.NewTag(i.ref(image))
		if err != nil {
			return fmt.Errorf("IMAGE_REGISTRY=%s: %w; write a host and a path, such as registry.example.com/wamp", i.Repository, err)
		}
		content, err := tarball.ImageFromPath(i.archive(image), nil)
		if err != nil {
			return fmt.Errorf("reading %s: %w", i.archive(image), err)
		}
		if err := remote.Write(ref, content, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
			return fmt.Errorf("pushing %s: %w; `docker login %s` keeps credentials where they are looked for", ref, err, ref.RegistryStr())
		}
	}
	return nil
}

// provide gets the images to the nodes, or says how.
func (d *Demo) provide(ctx context.Context) error {
	if d.Images.Repository == "" {
		d.Text(d.needsImages())
		return nil
	}
	if err := d.Images.Push(ctx); err != nil {
		return err
	}
	d.Good("pushed three images to %s", d.Images.Repository)
	return nil
}

// needsImages tells what to do for nodes that cannot get the images.
func (d *Demo) needsImages() string {
	return fmt.Sprintf(`The nodes have to get the three images. Either name a registry that they pull from, and the
images are pushed there:
  make demo KUBECONFIG=%s IMAGE_REGISTRY=registry.example.com/wamp
or load the archives *.tar of %s into every node:
  kind load image-archive FILE      k3s ctr images import FILE      docker load -i FILE`,
		d.Cluster.Kubeconfig, d.Images.Dir)
}
