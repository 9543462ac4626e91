package snapshot

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
)

func cluster(allowed v1alpha1.AllowedNamespaces) *v1alpha1.WampCluster {
	return &v1alpha1.WampCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "apps"},
		Spec:       v1alpha1.WampClusterSpec{AllowedNamespaces: allowed},
	}
}

func door() Door { return Door{Cluster: cluster(v1alpha1.AllowedNamespaces{})} }

// meta gives metadata; age is in seconds, larger is older.
func meta(namespace, name string, age int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name), Generation: 1,
		CreationTimestamp: metav1.NewTime(time.Unix(1_000_000-int64(age), 0)),
	}
}

func realm(namespace, name, uri string, age int) v1alpha1.WampRealm {
	return v1alpha1.WampRealm{ObjectMeta: meta(namespace, name, age), Spec: v1alpha1.WampRealmSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: "demo", Namespace: "apps"}, Realm: uri,
	}}
}

func procedure(namespace, name, realm, uri string, age int) v1alpha1.WampProcedure {
	p := v1alpha1.WampProcedure{ObjectMeta: meta(namespace, name, age), Spec: v1alpha1.WampProcedureSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: "demo", Namespace: "apps"}, Realm: realm, URI: uri,
	}}
	p.Default()
	return p
}

// compile compiles a snapshot that refers to no Secret.
func compile(c *Compiler, door Door, realms []v1alpha1.WampRealm, procedures []v1alpha1.WampProcedure) *Snapshot {
	s := c.Compile(door, realms, procedures)
	s.Resolve("salt", nil)
	return s
}

func key(kind, namespace, name string) ObjectKey {
	return ObjectKey{Kind: kind, NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

func expect(t *testing.T, s *Snapshot, k ObjectKey, reason string, words ...string) {
	t.Helper()
	got := s.Entries[k].Accepted
	if got.Reason != reason || got.IsTrue() != (reason == ReasonAccepted) {
		t.Errorf("%s: %+v, want %s", k, got, reason)
	}
	for _, w := range words {
		if !strings.Contains(got.Message, w) {
			t.Errorf("%s: %q does not mention %q", k, got.Message, w)
		}
	}
	if (s.Entries[k].Document != "") != (reason == ReasonAccepted) {
		t.Errorf("%s has the document %q", k, s.Entries[k].Document)
	}
}

// Of two objects that declare the same thing the older one stays, and the younger one says which.
func TestOlderWins(t *testing.T) {
	s := compile(new(Compiler), door(),
		[]v1alpha1.WampRealm{realm("apps", "young", "realm1", 1), realm("apps", "old", "realm1", 9), realm("apps", "other", "realm2", 1)},
		[]v1alpha1.WampProcedure{
			procedure("apps", "b-young", "realm1", "com.example.add", 1),
			procedure("apps", "c-old", "realm1", "com.example.add", 9),
			procedure("apps", "a-youngest", "realm1", "com.example.add", 0),
			procedure("apps", "elsewhere", "realm2", "com.example.add", 0),
			procedure("apps", "tie-b", "realm1", "com.example.tie", 5),
			procedure("apps", "tie-a", "realm1", "com.example.tie", 5),
		})
	expect(t, s, key("WampRealm", "apps", "old"), ReasonAccepted)
	expect(t, s, key("WampRealm", "apps", "young"), ReasonConflict, "WampRealm apps/old", `"realm1"`, "delete one of the two")
	expect(t, s, key("WampRealm", "apps", "other"), ReasonAccepted)
	expect(t, s, key("WampProcedure", "apps", "c-old"), ReasonAccepted)
	expect(t, s, key("WampProcedure", "apps", "b-young"), ReasonConflict, "WampProcedure apps/c-old", "com.example.add")
	expect(t, s, key("WampProcedure", "apps", "a-youngest"), ReasonConflict, "WampProcedure apps/c-old")
	expect(t, s, key("WampProcedure", "apps", "elsewhere"), ReasonAccepted)
	expect(t, s, key("WampProcedure", "apps", "tie-a"), ReasonAccepted)
	expect(t, s, key("WampProcedure", "apps", "tie-b"), ReasonConflict, "apps/tie-a")
	if s.Realms != 2 || s.Procedures != 3 {
		t.Errorf("%d realms and %d procedures", s.Realms, s.Procedures)
	}
}

// The same URI with another match is another procedure.
func TestPatternsAreProceduresOfTheirOwn(t *testing.T) {
	matched := func(name string, match v1alpha1.MatchPolicy, age int) v1alpha1.WampProcedure {
		p := procedure("apps", name, "realm1", "com.example", age)
		p.Spec.Match = match
		return p
	}
	s := compile(new(Compiler), door(), []v1alpha1.WampRealm{realm("apps", "r", "realm1", 1)}, []v1alpha1.WampProcedure{
		matched("exact", v1alpha1.MatchExact, 3), matched("prefix", v1alpha1.MatchPrefix, 2), matched("wildcard", v1alpha1.MatchWildcard, 1),
		matched("late", v1alpha1.MatchPrefix, 0),
	})
	for _, name := range []string{"exact", "prefix", "wildcard"} {
		expect(t, s, key("WampProcedure", "apps", name), ReasonAccepted)
	}
	expect(t, s, key("WampProcedure", "apps", "late"), ReasonConflict, "WampProcedure apps/prefix", "com.example (match: prefix)")
}

// An object that is not let in displaces nobody, however old it is.
func TestRefusedObjectsDisplaceNobody(t *testing.T) {
	s := compile(new(Compiler), door(),
		[]v1alpha1.WampRealm{realm("apps", "mine", "realm1", 1), realm("stranger", "older", "realm1", 9)},
		[]v1alpha1.WampProcedure{
			procedure("apps", "mine", "realm1", "com.example.add", 1),
			procedure("stranger", "older", "realm1", "com.example.add", 9),
			procedure("apps", "lost", "realm9", "com.example.add", 9),
		})
	expect(t, s, key("WampRealm", "apps", "mine"), ReasonAccepted)
	expect(t, s, key("WampRealm", "stranger", "older"), ReasonNamespaceNotAllowed, "apps/demo", "stranger", "from: All")
	expect(t, s, key("WampProcedure", "apps", "mine"), ReasonAccepted)
	expect(t, s, key("WampProcedure", "stranger", "older"), ReasonNamespaceNotAllowed)
	expect(t, s, key("WampProcedure", "apps", "lost"), ReasonRealmNotDeclared, `"realm9"`, "create a WampRealm")
}

func TestDoor(t *testing.T) {
	selector := func(s *metav1.LabelSelector) v1alpha1.AllowedNamespaces {
		return v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector, Selector: s}
	}
	team := &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}
	for _, c := range []struct {
		name      string
		allowed   v1alpha1.AllowedNamespaces
		namespace string
		admitted  bool
		words     string
	}{
		{"own", v1alpha1.AllowedNamespaces{}, "apps", true, ""},
		{"default", v1alpha1.AllowedNamespaces{}, "team-a", false, "or use the namespace apps"},
		{"same", v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSame}, "team-a", false, "from: All"},
		{"all", v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll}, "team-a", true, ""},
		{"label", selector(team), "team-a", true, ""},
		{"other label", selector(team), "team-b", false, `labels that match "team=a"`},
		{"own without label", selector(team), "apps", true, ""},
		{"no such namespace", selector(&metav1.LabelSelector{}), "gone", false, "labels that match"},
		{"broken selector", selector(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}),
			"team-a", false, "correct it"},
	} {
		d := Door{Cluster: cluster(c.allowed), NamespaceLabels: func(name string) (map[string]string, bool) {
			return map[string]string{"team": strings.TrimPrefix(name, "team-")}, strings.HasPrefix(name, "team-")
		}}
		got := d.Admits(c.namespace)
		if got.IsTrue() != c.admitted || !strings.Contains(got.Message, c.words) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// The same objects give the same bytes in whatever order they are listed, and what routers do not
// read changes nothing.
func TestSnapshotIsStable(t *testing.T) {
	var realms []v1alpha1.WampRealm
	var procedures []v1alpha1.WampProcedure
	for i := range 20 {
		realms = append(realms, realm("apps", fmt.Sprintf("r%02d", i), fmt.Sprintf("realm%d", i%15), i%3))
		procedures = append(procedures, procedure("apps", fmt.Sprintf("p%02d", i), fmt.Sprintf("realm%d", i%7), fmt.Sprintf("com.example.p%d", i%11), i%4))
	}
	first := compile(new(Compiler), door(), realms, procedures)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	compiler := new(Compiler)
	for range 20 {
		random.Shuffle(len(realms), func(i, j int) { realms[i], realms[j] = realms[j], realms[i] })
		random.Shuffle(len(procedures), func(i, j int) { procedures[i], procedures[j] = procedures[j], procedures[i] })
		for i := range procedures {
			procedures[i].ResourceVersion = fmt.Sprint(random.Int())
			procedures[i].Labels = map[string]string{"a": fmt.Sprint(random.Int())}
			procedures[i].Status.Callees = random.Int32()
		}
		if s := compile(compiler, door(), realms, procedures); s.Hash != first.Hash || string(s.Content) != string(first.Content) {
			t.Fatalf("another snapshot from the same objects:\n%s\n%s", first.Content, s.Content)
		}
	}
	if want := v1alpha1.HashDocuments(map[string][]byte{resource.SnapshotFile: first.Content, resource.CredentialsFile: first.Credentials}); first.Hash != want {
		t.Errorf("hash %s, routers compute %s", first.Hash, want)
	}
}

// A changed spec changes the document of that object alone, though documents are remembered.
func TestCompilerSeesChanges(t *testing.T) {
	realms := []v1alpha1.WampRealm{realm("apps", "r", "realm1", 1)}
	procedures := []v1alpha1.WampProcedure{
		procedure("apps", "a", "realm1", "com.example.a", 1), procedure("apps", "b", "realm1", "com.example.b", 1)}
	c := new(Compiler)
	before := compile(c, door(), realms, procedures)
	procedures[0].Spec.Invoke = v1alpha1.InvokeLast
	procedures[0].Generation++
	after := compile(c, door(), realms, procedures)
	a, b := key("WampProcedure", "apps", "a"), key("WampProcedure", "apps", "b")
	if before.Hash == after.Hash || before.Entries[a].Document == after.Entries[a].Document || before.Entries[b].Document != after.Entries[b].Document {
		t.Errorf("before %+v\nafter %+v", before.Entries, after.Entries)
	}
	if empty := compile(c, door(), nil, nil); len(c.documents) != 0 || len(empty.Content) == 0 {
		t.Errorf("%d documents are remembered of objects that are gone", len(c.documents))
	}
}

// The content is what the schema takes: a router decodes it strictly.
func TestContentIsTheSchema(t *testing.T) {
	r := realm("apps", "r", "realm1", 1)
	r.Spec.Anonymous = &v1alpha1.AnonymousAccess{Role: "guest"}
	r.Spec.Roles = []v1alpha1.Role{{Name: "guest", Permissions: []v1alpha1.Permission{{URI: "", Match: v1alpha1.PatternPrefix, Allow: []v1alpha1.Action{v1alpha1.ActionCall}}}}}
	r.Status.ObservedGeneration = 9
	p := procedure("apps", "p", "realm1", "com.example.a", 1)
	s := compile(new(Compiler), door(), []v1alpha1.WampRealm{r}, []v1alpha1.WampProcedure{p})
	parts := strings.Split(string(s.Content), "\n---\n")
	if len(parts) != 3 {
		t.Fatalf("%d parts in\n%s", len(parts), s.Content)
	}
	var gotRealm v1alpha1.WampRealm
	var gotProcedure v1alpha1.WampProcedure
	if err := yaml.UnmarshalStrict([]byte(parts[1]), &gotRealm); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict([]byte(parts[2]), &gotProcedure); err != nil {
		t.Fatal(err)
	}
	if gotRealm.Validate() != nil || gotProcedure.Validate() != nil || gotRealm.Name != "r" || gotProcedure.Namespace != "apps" || gotRealm.Status.ObservedGeneration != 0 {
		t.Errorf("read back %+v %+v", gotRealm, gotProcedure)
	}
}

func TestBook(t *testing.T) {
	name := types.NamespacedName{Namespace: "apps", Name: "demo"}
	realms := []v1alpha1.WampRealm{realm("apps", "r", "realm1", 1)}
	a := procedure("apps", "a", "realm1", "com.example.a", 1)
	b := procedure("apps", "b", "realm1", "com.example.b", 1)
	c := new(Compiler)
	with := func(procedures ...v1alpha1.WampProcedure) *Snapshot { return compile(c, door(), realms, procedures) }

	book := NewBook()
	var told [][]ObjectKey
	book.Subscribe(func(_ types.NamespacedName, changed []ObjectKey) { told = append(told, changed) })
	keyA, keyB := key("WampProcedure", "apps", "a"), key("WampProcedure", "apps", "b")

	first := with(a)
	if _, known := book.Entry(name, keyA); known {
		t.Error("something is known of a cluster that was never decided about")
	}
	book.Decide(name, first)
	if len(told) != 1 || len(told[0]) != 2 {
		t.Errorf("told %v, want the realm and a", told)
	}
	book.Decide(name, with(a))
	if len(told) != 1 {
		t.Errorf("told %v of nothing new", told[1:])
	}
	book.Publish(name, first)
	second := with(a, b)
	book.Decide(name, second)
	if len(told) != 2 || !slices.Equal(told[1], []ObjectKey{keyB}) {
		t.Errorf("told %v, want b alone", told[1:])
	}
	book.Publish(name, second)

	// A router that is one snapshot behind serves a and not b.
	documentB := second.Entries[keyB].Document
	if !book.Serves(name, first.Hash, keyA, second.Entries[keyA].Document) || book.Serves(name, first.Hash, keyB, documentB) ||
		!book.Serves(name, second.Hash, keyB, documentB) || book.Serves(name, "unknown", keyA, second.Entries[keyA].Document) {
		t.Error("what routers serve is not told apart")
	}
	if behind := book.Behind(name, first.Hash); !slices.Equal(behind, []ObjectKey{keyB}) {
		t.Errorf("behind %v, want b alone", behind)
	}
	if behind := book.Behind(name, second.Hash); len(behind) != 0 {
		t.Errorf("behind %v with the latest snapshot", behind)
	}
	if behind := book.Behind(name, "unknown"); len(behind) != 3 {
		t.Errorf("behind %v with an unknown snapshot, want everything", behind)
	}

	// Old snapshots are forgotten, the latest never, and one that comes back counts as new.
	for i := range 3 * remembered {
		a.Generation++
		a.Spec.Invoke = []v1alpha1.InvocationPolicy{v1alpha1.InvokeFirst, v1alpha1.InvokeLast}[i%2]
		s := with(a, b)
		book.Publish(name, s)
		if !book.Serves(name, s.Hash, keyA, s.Entries[keyA].Document) {
			t.Fatal("the latest snapshot is not remembered")
		}
	}
	for i := range 3 * remembered {
		b.Generation++
		b.Spec.URI = fmt.Sprintf("com.example.b%d", i)
		book.Publish(name, with(a, b))
	}
	if n := len(book.clusters[name].published); n != remembered || len(book.clusters[name].order) != remembered {
		t.Errorf("%d snapshots are remembered, want %d", n, remembered)
	}
	book.Forget(name)
	if _, known := book.Entry(name, keyA); known {
		t.Error("a forgotten cluster is known")
	}
}

// A restarted operator recognizes what its predecessor published: an object that did not change
// since is served by routers that have the old snapshot.
func TestRecall(t *testing.T) {
	name := types.NamespacedName{Namespace: "apps", Name: "demo"}
	realms := []v1alpha1.WampRealm{realm("apps", "r", "realm1", 1)}
	a, b := procedure("apps", "a", "realm1", "com.example.a", 1), procedure("apps", "b", "realm1", "com.example.b", 1)
	left := compile(new(Compiler), door(), realms, []v1alpha1.WampProcedure{a, b})

	b.Generation, b.Spec.Invoke = 2, v1alpha1.InvokeLast
	book := NewBook()
	book.Recall(name, left.Parts, left.Credentials)
	s := compile(new(Compiler), door(), realms, []v1alpha1.WampProcedure{a, b})
	book.Publish(name, s)
	for key, served := range map[ObjectKey]bool{
		key("WampRealm", "apps", "r"): true, key("WampProcedure", "apps", "a"): true, key("WampProcedure", "apps", "b"): false,
	} {
		if book.Serves(name, left.Hash, key, s.Entries[key].Document) != served {
			t.Errorf("%s is served by a router with the old snapshot: want %v", key, served)
		}
	}
	// Once something was published the past is known and is not read again.
	book.Recall(name, [][]byte{[]byte("---\nkind: Nonsense\n")}, nil)
	if !book.Published(name, s) {
		t.Error("what was published last is forgotten")
	}
	for _, garbage := range []string{"", "---\n", "no documents", "---\n: [\n---\nkind: WampRealm\n"} {
		if got := parse([]byte(garbage)); len(got.documents) != 0 {
			t.Errorf("%q has the documents %v", garbage, got)
		}
	}
}

func TestTooLarge(t *testing.T) {
	s := &Snapshot{Parts: slices.Repeat([][]byte{make([]byte, MaxBytes)}, v1alpha1.MaxSnapshotParts)}
	if s.TooLarge() {
		t.Error("the largest snapshot is too large")
	}
	s.Parts = append(s.Parts, []byte{0})
	if !s.TooLarge() {
		t.Error("one part more is not")
	}
	if s = (&Snapshot{Credentials: make([]byte, MaxBytes+1)}); !s.TooLarge() {
		t.Error("credentials that no Secret holds are not too large")
	}
}

func BenchmarkCompile5000(b *testing.B) {
	realms := []v1alpha1.WampRealm{realm("apps", "r", "realm1", 1)}
	procedures := make([]v1alpha1.WampProcedure, 5000)
	for i := range procedures {
		procedures[i] = procedure("apps", fmt.Sprintf("p%d", i), "realm1", fmt.Sprintf("com.example.p%d", i), 1)
	}
	c := new(Compiler)
	var s *Snapshot
	for b.Loop() {
		s = compile(c, door(), realms, procedures)
	}
	b.ReportMetric(float64(len(s.Content)), "bytes/snapshot")
}

// Routers are told of the size of the cluster where it matters to them; elsewhere the snapshot is what it
// was, so that neither scaling nor this very field makes a new one. It is no document that somebody
// waits for.
func TestTheClusterIsToldWhereItMatters(t *testing.T) {
	realms := []v1alpha1.WampRealm{realm("apps", "r", "realm1", 1)}
	with := func(policy v1alpha1.PartitionPolicy, routers int32) *Snapshot {
		d := door()
		d.Cluster.Spec.PartitionPolicy, d.Routers = policy, routers
		return compile(new(Compiler), d, realms, nil)
	}
	before := compile(new(Compiler), door(), realms, nil)
	if s := with(v1alpha1.PartitionAvailable, 5); s.Hash != before.Hash || strings.Contains(string(s.Content), "WampCluster") {
		t.Errorf("with partitionPolicy Available:\n%s", s.Content)
	}
	five := with(v1alpha1.PartitionMajority, 5)
	var told []*v1alpha1.WampCluster
	for _, part := range strings.Split(string(five.Content), "---\n")[1:] {
		c := &v1alpha1.WampCluster{}
		if err := yaml.UnmarshalStrict([]byte(part), c); err == nil && c.Kind == v1alpha1.KindWampCluster {
			told = append(told, c)
		}
	}
	if len(told) != 1 || told[0].Name != "demo" || told[0].Namespace != "apps" || *told[0].Spec.Replicas != 5 ||
		told[0].Spec.PartitionPolicy != v1alpha1.PartitionMajority || strings.Count(string(five.Content), "drainTimeout") != 0 {
		t.Errorf("with partitionPolicy Majority:\n%s", five.Content)
	}
	if s := with(v1alpha1.PartitionMajority, 3); s.Hash == five.Hash {
		t.Error("another size is the same snapshot")
	}
	book, name := NewBook(), types.NamespacedName{Namespace: "apps", Name: "demo"}
	book.Decide(name, five)
	book.Recall(name, five.Parts, nil)
	if behind := book.Behind(name, "unknown"); len(behind) != 1 || behind[0].Kind != v1alpha1.KindWampRealm {
		t.Errorf("behind are %v, want the realm alone", behind)
	}
}
