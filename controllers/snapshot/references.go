package snapshot

import (
	"cmp"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// reference is a value in a Secret that a principal cannot log in without.
type reference struct {
	secret types.NamespacedName
	key    string
	// authid and method tell who needs it and what for.
	authid, method string
	// octets says that the value is 32 octets in base64 or hex.
	octets bool
}

// references gives what the principals of a realm need, in their order.
func references(realm *v1alpha1.WampRealm) (refs []reference) {
	for i := range realm.Spec.Principals {
		p := &realm.Spec.Principals[i]
		add := func(ref v1alpha1.SecretKeyReference, method string, octets bool) {
			refs = append(refs, reference{
				secret: types.NamespacedName{Namespace: realm.Namespace, Name: ref.Name},
				key:    ref.Key, authid: p.AuthID, method: method, octets: octets,
			})
		}
		if c := p.Ticket; c != nil {
			add(c.SecretRef, "ticket", false)
		}
		if c := p.WampCRA; c != nil {
			add(c.SecretRef, "wampcra", false)
		}
		if c := p.SCRAM; c != nil {
			add(c.StoredKeyRef, "scram", true)
			add(c.ServerKeyRef, "scram", true)
		}
	}
	return refs
}

// References gives the Secrets that the accepted realms refer to, and of each the keys, in order
// and each once.
func (s *Snapshot) References() map[types.NamespacedName][]string {
	keys := map[types.NamespacedName][]string{}
	for _, refs := range s.references {
		for _, r := range refs {
			keys[r.secret] = append(keys[r.secret], r.key)
		}
	}
	for name, list := range keys {
		slices.Sort(list)
		keys[name] = slices.Compact(list)
	}
	return keys
}

func sortedNames[V any](m map[types.NamespacedName]V) []types.NamespacedName {
	return slices.SortedFunc(maps.Keys(m), func(a, b types.NamespacedName) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}
