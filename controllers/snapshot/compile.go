package snapshot

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/conditions"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

// MaxBytes is how large a part of a snapshot can be, and its credentials: a ConfigMap and a Secret hold
// 1 MiB, and their metadata needs a little of that.
const MaxBytes = 1<<20 - 16<<10

// Entry is what was decided about one object.
type Entry struct {
	UID        types.UID
	Generation int64
	Accepted   conditions.State
	// ResolvedRefs says of an accepted realm whether the Secrets of its principals are there.
	ResolvedRefs conditions.State
	// Document stands for the object's document, and for the values in Secrets that it refers
	// to; empty when it is not accepted.
	Document string
}

// Snapshot is what the routers of a cluster are told to serve. It is compiled first, and then
// resolved: Hash, Credentials and what is said of Secrets come with that.
type Snapshot struct {
	// Hash is what the routers report when they serve it.
	Hash string
	// Content is the file of realms and procedures, a sequence of YAML documents; Credentials
	// that of the Secrets. Nothing of Credentials may stand anywhere but in a Secret.
	Content, Credentials []byte
	// Entries has every object that refers to the cluster, accepted or not.
	Entries map[ObjectKey]Entry
	// Parts is Content as it is published, cut where it is larger than MaxBytes; PartHashes are those of
	// each by itself.
	Parts      [][]byte
	PartHashes []string
	// Realms and Procedures count the accepted ones.
	Realms, Procedures int

	written
	values map[place][sha256.Size]byte
}

// TooLarge tells whether the snapshot does not fit into so many ConfigMaps as there can be, or its
// credentials not into a Secret.
func (s *Snapshot) TooLarge() bool {
	return !v1alpha1.SnapshotFits(s.Parts, MaxBytes) || len(s.Credentials) > MaxBytes
}

// Compiler compiles the snapshots of one cluster. It remembers the documents of objects that did
// not change since the last time; apart from that, Compile is a pure function.
type Compiler struct {
	documents map[types.UID]document
}

// Compile decides about every realm and procedure that refers to the cluster and puts the
// accepted ones into a snapshot: the cluster where it matters, realms, then procedures, each by
// namespace and name. The snapshot has still to be resolved.
func (c *Compiler) Compile(door Door, realms []v1alpha1.WampRealm, procedures []v1alpha1.WampProcedure) *Snapshot {
	s := &Snapshot{Entries: make(map[ObjectKey]Entry, len(realms)+len(procedures)), written: written{
		documents: make(map[ObjectKey]string, len(realms)+len(procedures)), references: map[ObjectKey][]reference{}}}
	kept := make(map[types.UID]document, len(realms)+len(procedures))
	var content bytes.Buffer
	content.WriteString(v1alpha1.SnapshotHeader + "\n")
	content.Write(clusterDocument(door))
	add := func(object client.Object, key ObjectKey, decision conditions.State, spec any) {
		entry := Entry{UID: object.GetUID(), Generation: object.GetGeneration(), Accepted: decision}
		if decision.IsTrue() {
			d, known := c.documents[object.GetUID()]
			if !known || d.generation != object.GetGeneration() {
				d = newDocument(object, key.Kind, spec)
			}
			kept[object.GetUID()] = d
			content.Write(d.content)
			s.documents[key] = d.hash
		}
		s.Entries[key] = entry
	}

	declared := decideRealms(door, realms)
	byName := make([]*v1alpha1.WampRealm, len(realms))
	for i := range realms {
		byName[i] = &realms[i]
	}
	slices.SortFunc(byName, func(a, b *v1alpha1.WampRealm) int { return compareName(a, b) })
	for _, realm := range byName {
		decision := declared.decisions[realm]
		key := RealmKey(client.ObjectKeyFromObject(realm))
		add(realm, key, decision, realm.Spec)
		if decision.IsTrue() {
			s.Realms++
			if refs := references(realm); len(refs) > 0 {
				s.references[key] = refs
			}
		}
	}

	sorted := make([]*v1alpha1.WampProcedure, len(procedures))
	for i := range procedures {
		sorted[i] = &procedures[i]
	}
	slices.SortFunc(sorted, func(a, b *v1alpha1.WampProcedure) int { return compareName(a, b) })
	decisions := decideProcedures(door, sorted, declared.realms)
	for _, procedure := range sorted {
		decision := decisions[procedure]
		add(procedure, ProcedureObjectKey(client.ObjectKeyFromObject(procedure)), decision, procedure.Spec)
		if decision.IsTrue() {
			s.Procedures++
		}
	}

	c.documents = kept
	s.Content = content.Bytes()
	s.Parts = v1alpha1.SplitSnapshot(s.Content, MaxBytes)
	for i, part := range s.Parts {
		s.PartHashes = append(s.PartHashes, v1alpha1.HashDocuments(map[string][]byte{v1alpha1.SnapshotFileName(i): part}))
	}
	return s
}

// hashOf is the hash that a router reports when it serves these files; credentials are nil where
// there is no such file.
func hashOf(parts [][]byte, credentials []byte) string {
	files := make(map[string][]byte, len(parts)+1)
	for i, part := range parts {
		files[v1alpha1.SnapshotFileName(i)] = part
	}
	if credentials != nil {
		files[resource.CredentialsFile] = credentials
	}
	return v1alpha1.HashDocuments(files)
}

type realmDecisions struct {
	decisions map[*v1alpha1.WampRealm]conditions.State
	realms    map[string]bool
}

func decideRealms(door Door, realms []v1alpha1.WampRealm) realmDecisions {
	out := realmDecisions{
		decisions: make(map[*v1alpha1.WampRealm]conditions.State, len(realms)),
		realms:    make(map[string]bool, len(realms)),
	}
	oldest := map[string]*v1alpha1.WampRealm{}
	for i := range realms {
		realm := &realms[i]
		decision := door.Admits(realm.Namespace)
		out.decisions[realm] = decision
		if !decision.IsTrue() {
			continue
		}
		out.realms[realm.Spec.Realm] = true
		if first := oldest[realm.Spec.Realm]; first == nil || compareAge(realm, first) < 0 {
			oldest[realm.Spec.Realm] = realm
		}
	}
	for realm, decision := range out.decisions {
		if first := oldest[realm.Spec.Realm]; decision.IsTrue() && first != realm {
			out.decisions[realm] = conflict(v1alpha1.KindWampRealm, first, fmt.Sprintf("the realm %q", realm.Spec.Realm))
		}
	}
	return out
}

func decideProcedures(door Door, procedures []*v1alpha1.WampProcedure, realms map[string]bool) map[*v1alpha1.WampProcedure]conditions.State {
	decisions := make(map[*v1alpha1.WampProcedure]conditions.State, len(procedures))
	oldest := make(map[ProcedureKey]*v1alpha1.WampProcedure, len(procedures))
	for _, p := range procedures {
		decision := door.Admits(p.Namespace)
		if decision.IsTrue() && !realms[p.Spec.Realm] {
			decision = realmNotDeclared(p.Spec.Realm, door.Cluster)
		}
		decisions[p] = decision
		key := ProcedureKeyOf(p)
		if first := oldest[key]; decision.IsTrue() && (first == nil || compareAge(p, first) < 0) {
			oldest[key] = p
		}
	}
	for p, decision := range decisions {
		if first := oldest[ProcedureKeyOf(p)]; decision.IsTrue() && first != p {
			decisions[p] = conflict(v1alpha1.KindWampProcedure, first,
				fmt.Sprintf("the procedure %s (match: %s) of the realm %q", p.Spec.URI, ProcedureKeyOf(p).Match, p.Spec.Realm))
		}
	}
	return decisions
}
