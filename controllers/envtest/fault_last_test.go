package envtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/wamp-operator/wamp-operator/controllers/resource"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// testLastFaults lets one thing happen to each of a few clusters, and then nothing more: what is to be done
// about it meets faults until it is done, and what is given up is mended by nothing that comes later. An
// operator that begins anew, whose reads meet faults as well, must find nothing to do.
func testLastFaults(t *testing.T, seed uint64) {
	other := newNamespace(t, map[string]string{"team": "a"})
	w, f := newQuietWorld(t), newFaults(seed)
	w.transport, w.resync, w.retry = f.wrap, 10*time.Minute, 50*time.Millisecond
	l := &lasts{world: w, Rand: rand.New(rand.NewPCG(seed, 2)), other: other, begin: time.Now(), secrets: map[string]string{}}
	t.Cleanup(func() {
		t.Logf("seed %d: %s", seed, f)
		if t.Failed() || testing.Verbose() {
			t.Logf("what was done:\n%s", strings.Join(l.did, "\n"))
		}
	})
	w.startOperator(other)
	k := &kubernetes{world: w, uris: lastURIs, slow: true}
	k.start()
	l.furnish()
	f.calm(w, 1500*time.Millisecond)

	actions := l.actions()
	l.Shuffle(len(actions), func(i, j int) { actions[i], actions[j] = actions[j], actions[i] })
	var want map[string]string
	for round := 1; len(actions) > 0 && round <= *faultRounds; round++ {
		patience := 1300 * time.Millisecond
		f.narrow.Store(uint64(2 * round))
		f.on.Store(true)
		for _, x := range l.Perm(len(lastClusters))[:min(len(lastClusters), len(actions))] {
			a := actions[0]
			actions = actions[1:]
			if a.slow {
				patience = 2600 * time.Millisecond // what is made up to be refused by a budget is tried again after 2 s
			}
			if a.lag {
				f.lag.Store(400)
			}
			l.note("round %d: %s: %s", round, lastClusters[x], a.name)
			a.do(lastClusters[x])
		}
		f.calm(w, patience)
		l.note("calm")
		f.on.Store(false)
		f.lag.Store(0)
		f.calm(w, 200*time.Millisecond)
		got := w.everything(other)
		l.secretsStay()

		f.narrow.Store(uint64(2*round + 1))
		f.on.Store(true)
		w.stop()
		w.startOperator(other)
		l.note("begun anew")
		f.calm(w, time.Second)
		l.note("calm")
		f.on.Store(false)
		f.calm(w, 200*time.Millisecond)
		want = w.everything(other)
		l.secretsStay()
		if !compare(t, fmt.Sprintf("after faults in round %d", round), got, "when the operator has begun anew", want) {
			return
		}
	}
	got := want
	w.stop()
	k.stop()
	w.startAfresh(other)
	w.startOperator(other)
	k.start()
	f.calm(w, 1500*time.Millisecond)
	compare(t, "after faults", got, "without faults", w.everything(other))
	l.note("compared")
}

// compare reports where two states of the world differ.
func compare(t *testing.T, when string, got map[string]string, otherwise string, want map[string]string) bool {
	same := true
	for _, name := range slices.Sorted(maps.Keys(maps.Collect(both(got, want)))) {
		if got[name] != want[name] {
			same = false
			t.Errorf("%s %s:\n%s\n%s:\n%s", name, when, indent(got[name]), otherwise, indent(want[name]))
		}
	}
	return same
}

// lasts does single things to clusters.
type lasts struct {
	*world
	*rand.Rand
	other string
	begin time.Time
	did   []string
	// secrets are the values that are made once, by the UID of the Secret.
	secrets map[string]string
}

func (l *lasts) note(format string, args ...any) {
	l.did = append(l.did, fmt.Sprintf("%6.2f ", time.Since(l.begin).Seconds())+fmt.Sprintf(format, args...))
}

// secretsStay looks at what is made once: an operator that cannot read it must not make it anew, because
// routers that run have the old one.
func (l *lasts) secretsStay() {
	l.t.Helper()
	for _, cluster := range lastClusters {
		for name, part := range map[string]func(*corev1.Secret) string{
			resource.AdminSecretName(cluster): func(s *corev1.Secret) string { return string(s.Data[resource.AdminToken]) },
			resource.CredentialsName(cluster): func(s *corev1.Secret) string { return snapshot.SaltOf(s.Data[resource.CredentialsFile]) },
		} {
			secret := &corev1.Secret{}
			l.Expect(admin.Get(l.ctx, l.key(name), secret)).To(Succeed())
			value, uid := part(secret), string(secret.UID)
			if before, known := l.secrets[uid]; known && before != value {
				l.t.Errorf("Secret %s has another value than before", name)
			}
			l.secrets[uid] = value
		}
	}
}
