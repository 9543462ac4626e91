package cluster

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/controllers/secrets"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// A reading counts until a watch tells of another version, also one that it tells of while the Secret
// is being read; what is not referred to any more is forgotten.
func TestVault(t *testing.T) {
	v := &vault{}
	name := types.NamespacedName{Namespace: "apps", Name: "people"}
	change := func(version string) bool { return v.changed(secrets.Change{Secret: name, Version: version}) }
	keep := func(version string, told int, keys ...string) {
		v.keep(map[types.NamespacedName][]string{name: keys}, map[types.NamespacedName]reading{
			name: {secret: snapshot.Secret{Values: map[string][]byte{"alice": []byte(version)}}, keys: keys, version: version, told: told}})
	}
	fresh := func(keys ...string) bool {
		_, fresh, _ := v.recall(name, keys)
		return fresh
	}
	if fresh("alice") || !change("1") {
		t.Error("a Secret that was never read is known")
	}
	_, _, told := v.recall(name, []string{"alice"})
	keep("1", told, "alice")
	if !fresh("alice") || fresh("alice", "bob") || change("1") {
		t.Error("what was read does not count, counts for other keys, or is news")
	}
	if !change("2") || fresh("alice") || !change("2") {
		t.Error("another version is no news, or not as long as it was not read")
	}
	_, _, told = v.recall(name, []string{"alice"})
	if !change("3") { // while version 2 is read
		t.Error("a change is no news")
	}
	keep("2", told, "alice")
	if fresh("alice") {
		t.Error("what changed while it was read counts")
	}
	_, _, told = v.recall(name, []string{"alice"})
	keep("3", told, "alice")
	if !fresh("alice") || !change("") {
		t.Error("a Secret that is gone is no news")
	}
	v.keep(nil, nil)
	if len(v.readings)+len(v.told) != 0 {
		t.Error("what nobody refers to is remembered")
	}
}
