package cluster

import (
	"context"
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/ssa"
)

// podMonitor applies the PodMonitor, or removes the one that was made before. Where the Kubernetes
// cluster does not know that kind there is nothing to do until it does.
func (r *Reconciler) podMonitor(ctx context.Context, s *scope) (err error) {
	if resource.WantsPodMonitor(s.cluster) {
		_, err = r.foreign.Apply(ctx, s.cluster, resource.PodMonitor(s.cluster), r.Resync)
	} else {
		err = r.foreign.Remove(ctx, s.cluster, resource.PodMonitorKind, client.ObjectKey{
			Namespace: s.name.Namespace, Name: resource.PodMonitorName(s.name.Name)})
	}
	var missing *ssa.KindMissingError
	if errors.As(err, &missing) {
		s.again(missing.Again)
		return nil
	}
	return err
}
