package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

const goodRealm = `apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata:
  name: realm1
spec:
  clusterRef:
    name: wamp
  realm: realm1
  anonymous:
    role: guest
  roles:
    - name: guest
      permissions:
        - uri: ""
          match: prefix
          allow: [call, register, publish, subscribe]
`

const goodProcedure = `apiVersion: wamp-operator.io/v1alpha1
kind: WampProcedure
metadata:
  name: add
spec:
  clusterRef:
    name: wamp
  realm: realm1
  uri: com.example.add
  invoke: roundrobin
`

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadDocuments(t *testing.T) {
	dir := t.TempDir()
	all := goodRealm + "---\n# nothing here\n---\n" + goodProcedure
	write(t, dir, "snapshot.yaml", all)
	write(t, dir, ".hidden.yaml", "not: served")
	write(t, dir, "README.md", "not yaml: [")
	docs, err := LoadDocuments([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(docs.Realms) != 1 || docs.Realms[0].Spec.Roles[0].Permissions[0].Allow[3] != v1alpha1.ActionSubscribe {
		t.Errorf("realms: %+v", docs.Realms)
	}
	if len(docs.Procedures) != 1 || docs.Procedures[0].Spec.Match != v1alpha1.MatchExact {
		t.Errorf("procedures without defaults: %+v", docs.Procedures)
	}
	// The operator computes the hash over the keys of the ConfigMap; both must agree.
	if want := v1alpha1.HashDocuments(map[string][]byte{"snapshot.yaml": []byte(all)}); docs.Hash != want {
		t.Errorf("hash %s, want %s", docs.Hash, want)
	}
}

// Whatever is wrong is said with the file, the line, and what to write instead.
func TestDocumentProblemsNameLineAndRemedy(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"unknown field", strings.Replace(goodRealm, "anonymous:", "anonymus:", 1), "d.yaml:9: spec.anonymus: unknown field; did you mean anonymous?"},
		{"wrong case", strings.Replace(goodRealm, "clusterRef:", "clusterref:", 1), "d.yaml:6: spec.clusterref: unknown field; did you mean clusterRef?"},
		{"far off field", strings.Replace(goodProcedure, "invoke:", "strategy:", 1), "d.yaml:10: spec.strategy: unknown field; known here: clusterRef, concurrency, enforcement, hold, idempotent, invoke"},
		{"not a list", strings.Replace(goodRealm, "[call, register, publish, subscribe]", "call", 1), "d.yaml:16: spec.roles[0].permissions[0].allow: this must be a list"},
		{"number for text", strings.Replace(goodRealm, "realm: realm1", "realm: 1", 1), `d.yaml:8: spec.realm: "1" is not a text: write it in quotes, "1"`},
		{"field twice", goodProcedure + "  realm: other\n", "d.yaml:11: spec.realm: this field is already written in line 8"},
		{"unknown policy", strings.Replace(goodProcedure, "roundrobin", "round-robin", 1), "d.yaml:10: spec.invoke:"},
		{"unknown role", strings.Replace(goodRealm, "role: guest", "role: gest", 1), "d.yaml:10: spec.anonymous.role:"},
		{"unknown kind", strings.Replace(goodRealm, "WampRealm", "WampRelm", 1), "d.yaml:2: kind WampRelm is not served by a router; did you mean WampRealm?"},
		{"other version", strings.Replace(goodRealm, "v1alpha1", "v2", 1), "d.yaml:1: apiVersion \"wamp-operator.io/v2\" of a WampRealm is not served: write apiVersion: wamp-operator.io/v1alpha1"},
		{"not yaml", goodRealm + "   bad: [\n", "d.yaml:17: this is not YAML"},
		{"not closed", strings.Replace(goodProcedure, "name: add", "name: [add", 1) + "---\n" + goodRealm, "d.yaml:5: this is not YAML"},
		{"tab", strings.Replace(goodProcedure, "  realm", "\trealm", 1), "d.yaml:8: this is not YAML"},
		{"no space", strings.Replace(goodProcedure, "realm: ", "realm:", 1), "d.yaml:9: this is not YAML, here or in the line above"},
		{"realm twice", goodRealm + "---\n" + goodRealm, "d.yaml:18: realm realm1 is already declared at "},
		{"not a map", "- 1\n", "d.yaml:1: a document without kind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, t.TempDir(), "d.yaml", c.content)
			_, err := LoadDocuments([]string{path})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAllProblemsAreNamed(t *testing.T) {
	path := write(t, t.TempDir(), "d.yaml", "kind: A\n---\nkind: B\n")
	_, err := LoadDocuments([]string{path, filepath.Join(filepath.Dir(path), "none.yaml")})
	if err == nil || !strings.Contains(err.Error(), "none.yaml: cannot be read: no such file") {
		t.Errorf("missing file: %v", err)
	}
	_, err = LoadDocuments([]string{path})
	if err == nil || !strings.Contains(err.Error(), "d.yaml:1: kind A") || !strings.Contains(err.Error(), "d.yaml:3: kind B") {
		t.Errorf("not both problems: %v", err)
	}
}

// A WampCluster lies in the same folder when people keep their manifests together: a router takes from
// it what concerns a router, and says what that is when there is more.
func TestClusterDocument(t *testing.T) {
	cluster := func(name, spec string) string {
		return "apiVersion: wamp-operator.io/v1alpha1\nkind: WampCluster\nmetadata: {name: " + name + "}\nspec: " + spec + "\n---\n"
	}
	for spec, want := range map[string]struct {
		quorum  int
		ignored bool
	}{
		"{}":            {0, false},
		"{replicas: 5}": {0, false},
		"{replicas: 5, partitionPolicy: Majority}":                                           {5, false},
		"{partitionPolicy: Majority}":                                                        {3, false},
		"{replicas: 0, partitionPolicy: Majority}":                                           {0, false},
		"{replicas: 5, partitionPolicy: Majority, listener: {port: 8443}, drainTimeout: 1m}": {5, true},
	} {
		docs, err := ParseDocuments("d.yaml", []byte(cluster("wamp", spec)+goodRealm))
		if err != nil || len(docs.Realms) != 1 || docs.Cluster == nil || docs.Quorum() != want.quorum || (len(docs.Ignored) > 0) != want.ignored {
			t.Errorf("%s: %+v, %v", spec, docs, err)
		}
		if want.ignored && docs.Ignored[0] != "d.yaml:1: of WampCluster wamp a router uses spec.replicas and spec.partitionPolicy; all else in it is for the operator" {
			t.Errorf("%s", docs.Ignored[0])
		}
	}
	if docs, err := ParseDocuments("d.yaml", []byte(goodRealm)); err != nil || docs.Quorum() != 0 {
		t.Errorf("without a WampCluster: %+v, %v", docs, err)
	}
	for content, want := range map[string]string{
		cluster("wamp", "{replicas: 65}"):              "d.yaml:4: spec.replicas: \"65\" is not valid: write a number of replicas from 0 to 64",
		cluster("wamp", "{partitionPolicy: majority}"): "d.yaml:4: spec.partitionPolicy: \"majority\" is not valid: write one of Available, Majority",
		cluster("wamp", "{}") + cluster("other", "{}"): "d.yaml:6: the one WampCluster that a router belongs to is already declared at d.yaml:1: keep one of the two",
	} {
		if _, err := ParseDocuments("d.yaml", []byte(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nis refused with %v\nwant %s", content, err, want)
		}
	}
}

const goodSecret = `apiVersion: v1
kind: Secret
metadata: {name: people, namespace: apps}
type: Opaque
data: {alice: b3BlbiBzZXNhbWU=, bob: eA==}
stringData: {bob: "swordfish\n"}
`

func TestSecretsAreRead(t *testing.T) {
	docs, err := ParseDocuments("d.yaml", []byte(goodSecret+"---\n"+strings.Replace(goodSecret, ", namespace: apps", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"apps", "", "other"} {
		data, ok := docs.Secret(namespace, "people")
		if !ok || string(data["alice"]) != "open sesame" || string(data["bob"]) != "swordfish\n" {
			t.Errorf("in the namespace %q: %q, %v", namespace, data, ok)
		}
	}
	if _, ok := docs.Secret("apps", "animals"); ok {
		t.Error("a Secret that is not there was found")
	}
	if docs, err = ParseDocuments("d.yaml", []byte(goodSecret)); err != nil {
		t.Fatal(err)
	}
	if _, ok := docs.Secret("other", "people"); ok {
		t.Error("a Secret of another namespace was found")
	}
}

// What is wrong with a Secret is said without a word of what it keeps.
func TestSecretProblemsTellNoSecrets(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"not base64", "eA==", "hush-hush", "d.yaml:5: data.bob: this is not base64"},
		{"number", "eA==", "4711", "d.yaml:5: data.bob: this must be a text: write it in quotes"},
		{"map", `"swordfish\n"`, "{hush: hush}", "d.yaml:6: stringData.bob: this must be a text"},
		{"list", "{alice: b3BlbiBzZXNhbWU=, bob: eA==}", "[hush]", "d.yaml:5: data: this must be a map"},
		{"field", "type:", "tipe:", "d.yaml:4: tipe: unknown field; did you mean type?"},
		{"name", "name: people, ", "", "d.yaml:1: metadata.name: write a name for the Secret"},
		{"version", "apiVersion: v1", "apiVersion: v2", "d.yaml:1: apiVersion \"v2\" of a Secret is not served: write apiVersion: v1"},
		{"twice", "type: Opaque", "type: Opaque\n---\n" + strings.ReplaceAll(goodSecret, "bob", "eve") + "---\nkind: Secret\napiVersion: v1\nmetadata: {name: people, namespace: apps}", "Secret apps/people is already declared at d.yaml:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := strings.Replace(goodSecret, c.old, c.new, 1)
			_, err := ParseDocuments("d.yaml", []byte(content))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			for _, secret := range []string{"hush", "4711", "swordfish", "b3Blb"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("a secret is in the error: %v", err)
				}
			}
		})
	}
}

func FuzzDocuments(f *testing.F) {
	f.Add([]byte(goodRealm + "---\n" + goodProcedure))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte(goodSecret))
	f.Add([]byte("kind: Secret\napiVersion: v1\ndata: &a {a: *a}\n"))
	f.Add([]byte("kind: WampRealm\napiVersion: wamp-operator.io/v1alpha1\nspec: {? [a]: b, <<: {}}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<16 {
			return
		}
		_, _ = ParseDocuments("d.yaml", content)
	})
}
