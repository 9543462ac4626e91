// Package index declares the fields by which the cache finds objects.
package index

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

const (
	// Cluster finds realms and procedures by the WampCluster that they refer to.
	Cluster = "cluster"
	// Procedure finds procedures by cluster, realm, URI and match.
	Procedure = "procedure"
)

// Add declares all indexes.
func Add(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &v1alpha1.WampRealm{}, Cluster, func(o client.Object) []string {
		return []string{ByCluster(o.(*v1alpha1.WampRealm).Spec.ClusterRef.Key(o.GetNamespace()))}
	}); err != nil {
		return err
	}
	if err := indexer.IndexField(ctx, &v1alpha1.WampProcedure{}, Cluster, func(o client.Object) []string {
		return []string{ByCluster(o.(*v1alpha1.WampProcedure).Spec.ClusterRef.Key(o.GetNamespace()))}
	}); err != nil {
		return err
	}
	return indexer.IndexField(ctx, &v1alpha1.WampProcedure{}, Procedure, func(o client.Object) []string {
		p := o.(*v1alpha1.WampProcedure)
		return []string{ByProcedure(p.Spec.ClusterRef.Key(p.Namespace), snapshot.ProcedureKeyOf(p))}
	})
}

// ByCluster is the value of the index Cluster.
func ByCluster(cluster types.NamespacedName) string { return cluster.String() }

// ByProcedure is the value of the index Procedure. No part of a key contains white space.
func ByProcedure(cluster types.NamespacedName, key snapshot.ProcedureKey) string {
	return cluster.String() + " " + key.Realm + " " + key.URI + " " + string(key.Match)
}
