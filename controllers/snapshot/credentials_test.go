package snapshot

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

func ref(name, key string) v1alpha1.SecretKeyReference {
	return v1alpha1.SecretKeyReference{Name: name, Key: key}
}

// people is a realm with a principal for every method that needs a Secret, and one that needs none.
func people() v1alpha1.WampRealm {
	r := realm("apps", "people", "realm1", 1)
	r.Spec.Roles = []v1alpha1.Role{{Name: "user"}}
	r.Spec.Principals = []v1alpha1.Principal{
		{AuthID: "alice", Role: "user", Ticket: &v1alpha1.TicketCredential{SecretRef: ref("people", "alice")}},
		{AuthID: "bob", Role: "user", WampCRA: &v1alpha1.CRACredential{SecretRef: ref("people", "bob")}},
		{AuthID: "carol", Role: "user", SCRAM: &v1alpha1.SCRAMCredential{
			StoredKeyRef: ref("scram", "stored"), ServerKeyRef: ref("scram", "server")}},
		{AuthID: "dave", Role: "user", Cryptosign: &v1alpha1.CryptosignCredential{PublicKeys: []string{strings.Repeat("00", 32)}}},
	}
	return r
}

var (
	peopleName = types.NamespacedName{Namespace: "apps", Name: "people"}
	scramName  = types.NamespacedName{Namespace: "apps", Name: "scram"}
)

// vault has everything that people refers to.
func vault() Secrets {
	key := []byte(base64.StdEncoding.EncodeToString(make([]byte, 32)))
	return Secrets{
		peopleName: {Values: map[string][]byte{"alice": []byte("open sesame\n"), "bob": []byte("1234")}},
		scramName:  {Values: map[string][]byte{"stored": key, "server": []byte(strings.Repeat("0f", 32))}},
	}
}

func resolvedPeople(c *Compiler, secrets Secrets) *Snapshot {
	s := c.Compile(door(), []v1alpha1.WampRealm{people()}, nil)
	s.Resolve("salt", secrets)
	return s
}

// Routers get the keys that are referred to, as Secret documents of the names that realms use, and
// nothing else; the other file tells nothing of them.
func TestCredentials(t *testing.T) {
	secrets := vault()
	secrets[peopleName].Values["unasked"] = []byte("hush-hush")
	s := resolvedPeople(new(Compiler), secrets)
	if got, want := s.References(), (map[types.NamespacedName][]string{peopleName: {"alice", "bob"}, scramName: {"server", "stored"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("references %v, want %v", got, want)
	}
	got := map[string]map[string][]byte{}
	for _, part := range strings.Split(string(s.Credentials), "---\n")[1:] {
		var secret struct {
			APIVersion, Kind string
			Metadata         struct{ Name, Namespace string }
			Data             map[string][]byte
		}
		if err := yaml.Unmarshal([]byte(part), &secret); err != nil || secret.APIVersion != "v1" || secret.Kind != "Secret" {
			t.Fatalf("%v in %q", err, part)
		}
		got[secret.Metadata.Namespace+"/"+secret.Metadata.Name] = secret.Data
	}
	delete(secrets[peopleName].Values, "unasked")
	if want := map[string]map[string][]byte{"apps/people": secrets[peopleName].Values, "apps/scram": secrets[scramName].Values}; !reflect.DeepEqual(got, want) {
		t.Errorf("credentials %s", s.Credentials)
	}
	if want := v1alpha1.HashDocuments(map[string][]byte{resource.SnapshotFile: s.Content, resource.CredentialsFile: s.Credentials}); s.Hash != want {
		t.Errorf("hash %s, routers compute %s", s.Hash, want)
	}
	if state := s.Entries[key("WampRealm", "apps", "people")].ResolvedRefs; !state.IsTrue() {
		t.Errorf("ResolvedRefs %+v", state)
	}
	for secret, value := range map[string][]byte{"alice": []byte("open sesame"), "in base64": []byte("b3BlbiBzZXNhbWU")} {
		if bytes.Contains(s.Content, value) || strings.Contains(fmt.Sprint(s.Entries), string(value)) {
			t.Errorf("the secret of %s stands in the snapshot or in a decision", secret)
		}
	}
	if SaltOf(s.Credentials) != "salt" {
		t.Errorf("the salt is %q", SaltOf(s.Credentials))
	}
	if one, other := NewSalt(), NewSalt(); len(one) != 32 || one == other {
		t.Errorf("the salts of two clusters are %q and %q", one, other)
	}
}

// What is missing is said with the names of Secret and key, with what to do, and without a word of
// what is in them; the realm is served all the same.
func TestMissingSecrets(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(Secrets)
		reason string
		says   []string
	}{
		{"no Secret", func(s Secrets) { delete(s, peopleName) }, ReasonSecretNotFound, []string{
			"The principal alice cannot log in by ticket: there is no Secret apps/people: create it with the key alice.",
			"The principal bob cannot log in by wampcra:", "Everybody else can join the realm."}},
		{"no key", func(s Secrets) { delete(s[peopleName].Values, "bob") }, ReasonKeyNotFound, []string{"the Secret apps/people has no key bob: add it."}},
		{"white space only", func(s Secrets) { s[peopleName].Values["alice"] = []byte(" \n") }, ReasonValueUnusable, []string{"the key alice of the Secret apps/people is empty"}},
		{"no SCRAM key", func(s Secrets) { s[scramName].Values["stored"] = []byte("hush-hush") }, ReasonValueUnusable,
			[]string{"The principal carol cannot log in by scram: the key stored of the Secret apps/scram is not 32 bytes in base64 or hex"}},
		{"unreadable", func(s Secrets) {
			s[scramName] = Secret{Reason: ReasonSecretUnreadable, Trouble: "the operator may not."}
		}, ReasonSecretUnreadable,
			[]string{"carol cannot log in by scram: the operator may not."}},
		{"nothing", func(s Secrets) { clear(s) }, ReasonSecretNotFound, []string{"And 1 more are missing."}},
	} {
		secrets := vault()
		c.change(secrets)
		s := resolvedPeople(new(Compiler), secrets)
		entry := s.Entries[key("WampRealm", "apps", "people")]
		if !entry.Accepted.IsTrue() || entry.Document == "" || s.Realms != 1 {
			t.Errorf("%s: the realm is not served: %+v", c.name, entry)
		}
		if entry.ResolvedRefs.IsTrue() || entry.ResolvedRefs.Reason != c.reason {
			t.Errorf("%s: %+v, want %s", c.name, entry.ResolvedRefs, c.reason)
		}
		for _, says := range c.says {
			if !strings.Contains(entry.ResolvedRefs.Message, says) {
				t.Errorf("%s: %q does not say %q", c.name, entry.ResolvedRefs.Message, says)
			}
		}
		if strings.Contains(entry.ResolvedRefs.Message, "hush") {
			t.Errorf("%s: the condition tells a secret", c.name)
		}
	}
}

// A changed value makes another hash and another document of the realms that refer to it, and of no
// others.
func TestChangedSecretIsAnotherDocument(t *testing.T) {
	other := realm("apps", "other", "realm2", 1)
	c := new(Compiler)
	compiled := func(secrets Secrets) *Snapshot {
		s := c.Compile(door(), []v1alpha1.WampRealm{people(), other}, []v1alpha1.WampProcedure{procedure("apps", "p", "realm1", "com.example.a", 1)})
		s.Resolve("salt", secrets)
		return s
	}
	before, secrets := compiled(vault()), vault()
	secrets[peopleName].Values["alice"] = []byte("open barley")
	after := compiled(secrets)
	if before.Hash == after.Hash || !bytes.Equal(before.Content, after.Content) {
		t.Error("a changed Secret is no other snapshot, or changes the file of realms")
	}
	for key, entry := range after.Entries {
		if changed := entry.Document != before.Entries[key].Document; changed != (key.Name == "people") {
			t.Errorf("%s: another document: %v", key, changed)
		}
	}

	// Routers that have the new credentials and still the old realms, or the other way round, are
	// known for what they serve; an operator that has just started knows it too.
	name := types.NamespacedName{Namespace: "apps", Name: "demo"}
	book := NewBook()
	book.Recall(name, before.Parts, before.Credentials)
	realms := []v1alpha1.WampRealm{people(), other, realm("apps", "third", "realm3", 1)}
	third := c.Compile(door(), realms, nil)
	third.Resolve("salt", secrets)
	book.Publish(name, third)
	mixed := func(content, credentials []byte) string {
		return v1alpha1.HashDocuments(map[string][]byte{resource.SnapshotFile: content, resource.CredentialsFile: credentials})
	}
	for _, c := range []struct {
		name, hash             string
		people, other, another bool
	}{
		{"old", before.Hash, false, true, false},
		{"new", third.Hash, true, true, true},
		{"new credentials first", mixed(before.Content, third.Credentials), true, true, false},
		{"new realms first", mixed(third.Content, before.Credentials), false, true, true},
	} {
		for realm, served := range map[string]bool{"people": c.people, "other": c.other, "third": c.another} {
			key := key("WampRealm", "apps", realm)
			if book.Serves(name, c.hash, key, third.Entries[key].Document) != served {
				t.Errorf("%s: the realm %s is served as it is: want %v", c.name, realm, served)
			}
		}
	}
	if !book.Published(name, third) {
		t.Error("what was published last is not known as that")
	}
}

// Whatever stands in the Secret that an earlier operator left, reading it does no harm.
func TestParseCredentials(t *testing.T) {
	s := resolvedPeople(new(Compiler), vault())
	if got, want := parseCredentials(s.Credentials), vault(); !reflect.DeepEqual(got, want) {
		t.Errorf("read %d Secrets, want %d", len(got), len(want))
	}
	for _, garbage := range []string{"", "---\n", "{}", "{\"metadata\":{}}", "null\n[1]\n"} {
		if got := parseCredentials([]byte(garbage)); len(got) != 0 || SaltOf([]byte(garbage)) != "" {
			t.Errorf("%q has the Secrets %v", garbage, got)
		}
	}
	if !json.Valid(bytes.SplitN(s.Credentials, []byte("---\n"), 3)[1]) {
		t.Error("a document is not JSON")
	}
}
