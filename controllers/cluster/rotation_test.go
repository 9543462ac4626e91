package cluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/routerstate"
)

func testKey(name string) []byte { return fmt.Appendf(nil, "%-32s", name) }

func newTestKey() []byte { return testKey("new") }

func prints(names ...string) (out []string) {
	for _, name := range names {
		out = append(out, v1alpha1.KeyFingerprints([][]byte{testKey(name)})...)
	}
	return out
}

func holds(names ...string) (out [][]byte) {
	for _, name := range names {
		out = append(out, testKey(name))
	}
	return out
}

// The steps, one by one, and what each waits for.
func TestNextKeys(t *testing.T) {
	router := func(keys ...string) keyReport {
		return keyReport{name: "demo-0", heard: true, keys: prints(keys...)}
	}
	under := func(keys ...string) keyState {
		return keyState{keys: holds(keys...), request: "2", next: prints("new")[0], done: "1"}
	}
	settled := keyState{keys: holds("old"), done: "1"}
	finished := keyState{keys: holds("new"), done: "2"}
	for name, c := range map[string]struct {
		have    keyState
		request string
		routers []keyReport
		want    keyState
		waits   string
	}{
		"nothing asked":                    {settled, "", []keyReport{router("old")}, settled, ""},
		"asked and done":                   {settled, "1", []keyReport{router("old")}, settled, ""},
		"asked":                            {settled, "2", []keyReport{router("old")}, under("old", "new"), ""},
		"asked, and a router is not heard": {settled, "2", []keyReport{{name: "demo-1"}}, settled, "demo-1 (the operator does not hear it)"},
		"asked, and a router is too old":   {settled, "2", []keyReport{{name: "demo-1", heard: true}}, settled, "use a router image of the operator's version"},
		"the old key alone is read":        {under("old", "new"), "2", []keyReport{router("old", "new"), router("old")}, under("old", "new"), "waits for routers to accept the new key: demo-0."},
		"both are read":                    {under("old", "new"), "2", []keyReport{router("old", "new")}, under("new", "old"), ""},
		"a router refuses the file": {under("old", "new"), "2", []keyReport{{name: "demo-2", heard: true, keys: prints("old"), trouble: "line 2: no base64."}},
			under("old", "new"), "demo-2 (line 2: no base64)"},
		"the old one is still used":      {under("new", "old"), "2", []keyReport{router("old", "new")}, under("new", "old"), "to use the new key: demo-0."},
		"the new one is used":            {under("new", "old"), "2", []keyReport{router("new", "old")}, under("new"), ""},
		"the old one is still accepted":  {under("new"), "2", []keyReport{router("new", "old")}, under("new"), "to give the old key up: demo-0."},
		"only the new one is left":       {under("new"), "2", []keyReport{router("new")}, finished, ""},
		"no router runs":                 {under("new", "old"), "2", nil, under("new"), ""},
		"the request is taken back":      {under("old", "new"), "", []keyReport{router("old", "new")}, under("new", "old"), ""},
		"another request meanwhile":      {under("old", "new"), "3", []keyReport{router("old", "new")}, under("new", "old"), ""},
		"another request at the end":     {under("new"), "3", []keyReport{router("new")}, finished, ""},
		"somebody took the new key away": {keyState{keys: holds("old"), request: "2", next: prints("lost")[0], done: "1"}, "2", []keyReport{router("old", "lost")}, under("old", "new"), ""},
		"somebody took it away too late": {keyState{keys: holds("old"), request: "2", next: prints("lost")[0], done: "1"}, "2", []keyReport{router("lost", "old")},
			keyState{keys: holds("old"), request: "2", next: prints("lost")[0], done: "1"}, "waits for routers"},
		"somebody added a key": {under("old", "theirs", "new"), "2", []keyReport{router("old", "theirs", "new")}, under("new", "old", "theirs"), ""},
	} {
		got, waits := nextKeys(c.have, c.request, c.routers, newTestKey)
		if !got.equal(c.want) || !strings.Contains(waits, c.waits) || (waits == "") != (c.waits == "") {
			t.Errorf("%s: %q %+v\nwait %q", name, got.keys, got, waits)
		}
	}
	many := make([]keyReport, 9)
	for i := range many {
		many[i].name = fmt.Sprintf("demo-%d", i)
	}
	if _, waits := nextKeys(settled, "2", many, newTestKey); !strings.Contains(waits, "4 more.") || strings.Contains(waits, "demo-5") {
		t.Errorf("nine routers: %s", waits)
	}
}

// Whatever order routers read the Secret in, come, go and fall silent, and however often the operator
// is replaced and asked again: no two routers that run ever use keys that the other does not
// accept, and in the end all have the new key alone.
func TestRotationNeverSplits(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 1))
		made := 0
		fresh := func() []byte { made++; return testKey(fmt.Sprintf("key %d", made)) }
		secret := keyState{keys: [][]byte{fresh()}}
		request := ""
		running := map[string][]string{}
		start := func(i int) { running[fmt.Sprintf("demo-%d", i)] = v1alpha1.KeyFingerprints(secret.keys) }
		for i := range 3 {
			start(i)
		}
		pass := func(heard func() bool) {
			var reports []keyReport
			for name, keys := range running {
				reports = append(reports, keyReport{name: name, heard: heard(), keys: keys})
			}
			// The decision depends on the Secret and on what is heard alone: any operator makes it.
			secret, _ = nextKeys(secret, request, reports, fresh)
		}
		for range 200 {
			i := random.IntN(5)
			name := fmt.Sprintf("demo-%d", i)
			switch random.IntN(8) {
			case 0, 1, 2:
				pass(func() bool { return random.IntN(10) > 0 })
			case 3, 4:
				if running[name] != nil { // the kubelet brings what is there now
					start(i)
				}
			case 5:
				delete(running, name)
			case 6:
				start(i)
			case 7:
				if random.IntN(5) == 0 {
					request = fmt.Sprint(random.IntN(4))
				}
			}
			for a, one := range running {
				for b, other := range running {
					if !slices.Contains(other, one[0]) {
						t.Fatalf("seed %d: %s uses a key that %s does not accept", seed, a, b)
					}
				}
			}
		}
		for range 12 {
			for name := range running {
				running[name] = v1alpha1.KeyFingerprints(secret.keys)
			}
			pass(func() bool { return true })
		}
		if secret.request != "" || len(secret.keys) != 1 || (request != "" && secret.done != request) {
			t.Fatalf("seed %d: the request %q ended in %+v", seed, request, secret)
		}
	}
}

// Nobody is waited for who will read the Secret of the moment when it starts.
func TestKeyReports(t *testing.T) {
	now := metav1.Now()
	pod := func(name string, change func(*corev1.Pod)) corev1.Pod {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"}}
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: resource.ContainerName}}
		if change != nil {
			change(&p)
		}
		return p
	}
	s := &scope{view: routerstate.View{Replicas: map[string]routerstate.Replica{}}, pods: []corev1.Pod{
		pod("heard", nil),
		pod("silent", nil),
		pod("pending", func(p *corev1.Pod) { p.Status = corev1.PodStatus{Phase: corev1.PodPending} }),
		pod("crashing", func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
		}),
		pod("ended", func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].State.Terminated = &corev1.ContainerStateTerminated{}
		}),
		pod("leaving", func(p *corev1.Pod) { p.DeletionTimestamp = &now }),
		pod("left", func(p *corev1.Pod) { p.DeletionTimestamp = &now }),
		pod("lost", nil),
	}}
	state := &v1alpha1.RouterReplicaState{Keys: []string{"k"}, KeysError: "e"}
	for _, name := range []string{"heard", "leaving", "crashing"} {
		s.view.Replicas[name] = routerstate.Replica{Connected: true, State: state}
	}
	s.view.Replicas["lost"] = routerstate.Replica{State: state}
	var got []string
	for _, r := range keyReports(s) {
		got = append(got, fmt.Sprintf("%s %v %v %s", r.name, r.heard, r.keys, r.trouble))
	}
	want := []string{"heard true [k] e", "silent false [] ", "leaving true [k] e", "lost false [] "}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// Routers with other keys than the Secret are found when no key is being replaced.
func TestStrangers(t *testing.T) {
	have := keyState{keys: holds("a")}
	routers := []keyReport{
		{name: "demo-0", heard: true, keys: prints("a")}, {name: "demo-1", heard: true, keys: prints("b")},
		{name: "demo-2", heard: true}, {name: "demo-3"},
	}
	if got := strangers(have, routers); !slices.Equal(got, []string{"demo-1"}) {
		t.Errorf("%v", got)
	}
	have.request = "1"
	if got := strangers(have, routers); got != nil {
		t.Errorf("while the key is replaced: %v", got)
	}
}
