package snapshot

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// ObjectKey names a WampRealm or a WampProcedure.
type ObjectKey struct {
	Kind string
	types.NamespacedName
}

// RealmKey and ProcedureObjectKey name an object.
func RealmKey(name types.NamespacedName) ObjectKey {
	return ObjectKey{Kind: v1alpha1.KindWampRealm, NamespacedName: name}
}

func ProcedureObjectKey(name types.NamespacedName) ObjectKey {
	return ObjectKey{Kind: v1alpha1.KindWampProcedure, NamespacedName: name}
}

// ProcedureKey is what tells one procedure of a cluster from another.
type ProcedureKey struct {
	Realm string
	URI   string
	Match v1alpha1.MatchPolicy
}

// ProcedureKeyOf gives the key of a declared procedure.
func ProcedureKeyOf(p *v1alpha1.WampProcedure) ProcedureKey {
	match := p.Spec.Match
	if match == "" {
		match = v1alpha1.MatchExact
	}
	return ProcedureKey{Realm: p.Spec.Realm, URI: p.Spec.URI, Match: match}
}

// compareAge orders objects by their creation; those of the same second by namespace and name, so
// that everybody sees the same one as the older.
func compareAge(a, b client.Object) int {
	return cmp.Or(
		a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time),
		compareName(a, b),
	)
}

func compareName(a, b client.Object) int {
	return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
}
