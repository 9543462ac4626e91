package router_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
)

// keyFile is the key file of one replica.
type keyFile string

func (f keyFile) write(t *testing.T, keys ...[]byte) {
	t.Helper()
	f.text(t, string(v1alpha1.FormatKeys(keys)))
}

func (f keyFile) text(t *testing.T, content string) {
	t.Helper()
	beside := string(f) + "~"
	if err := os.WriteFile(beside, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(beside, string(f)); err != nil {
		t.Fatal(err)
	}
}

// reports waits until a replica reports these keys, and no trouble with the file.
func reports(t *testing.T, r *router.Router, keys ...[]byte) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d keys in use", len(keys)), func() bool {
		s := r.State()
		return slices.Equal(s.Keys, v1alpha1.KeyFingerprints(keys)) && s.KeysError == ""
	})
}

// startKeyed starts replicas that have a key file each, with this key in it.
func startKeyed(t *testing.T, n int, key []byte) (*router.Dev, []keyFile) {
	files := make([]keyFile, n)
	dev := start(t, n, func(c *router.DevConfig) {
		c.Configure = func(i int, c *v1alpha1.RouterConfiguration) {
			files[i] = keyFile(filepath.Join(t.TempDir(), "key"))
			files[i].write(t, key)
			c.Cluster.KeyFile = string(files[i])
		}
	})
	return dev, files
}

// keyed starts one more replica, which joins the others with this key.
func keyed(t *testing.T, dev *router.Dev, name string, key []byte, log *slog.Logger) *router.Router {
	t.Helper()
	file := keyFile(filepath.Join(t.TempDir(), "key"))
	file.write(t, key)
	return lateReplica(t, dev, name, log, func(c *v1alpha1.RouterConfiguration) { c.Cluster.KeyFile = string(file) })
}

// lateReplica starts one more replica, which joins the others.
func lateReplica(t *testing.T, dev *router.Dev, name string, log *slog.Logger, change func(*v1alpha1.RouterConfiguration)) *router.Router {
	t.Helper()
	var join []string
	for _, r := range dev.Routers {
		join = append(join, r.GossipAddress())
	}
	c := &v1alpha1.RouterConfiguration{
		Listen: "127.0.0.1:0", Admin: v1alpha1.RouterAdmin{Listen: "127.0.0.1:0"},
		Cluster: &v1alpha1.RouterClusterConfiguration{
			Name: "dev", Replica: name, Gossip: "127.0.0.1:0", Links: "127.0.0.1:0", Advertise: "127.0.0.1", Join: join,
		},
	}
	change(c)
	r, err := router.Start(router.Config{Logger: log, Version: "test", Configuration: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// The key of the cluster is replaced while calls go from every replica to every other: none fails.
// The replicas take each step at a time of their own. Afterwards a replica with the new key can
// join, and one with the old key cannot.
func TestKeysAreReplacedUnderLoad(t *testing.T) {
	old, fresh := []byte("0123456789abcdef"), []byte("fedcba9876543210fedcba9876543210")
	dev, files := startKeyed(t, 3, old)
	for i := range 3 {
		callee(t, dev, i, "roundrobin")
	}
	var calls, failed atomic.Int64
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for i := range 3 {
		caller := join(t, dev, i)
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				calls.Add(1)
				if _, err := caller.Call(uri); err != nil {
					failed.Add(1)
					t.Errorf("a call from replica %d: %v", i, err)
				}
			}
		})
	}
	steps := [][][]byte{{old, fresh}, {fresh, old}, {fresh}}
	for _, keys := range steps {
		for i := range 3 { // another replica begins each time, and calls go on in between
			at := (i + len(keys)) % 3
			files[at].write(t, keys...)
			reports(t, dev.Routers[at], keys...)
			before := calls.Load()
			eventually(t, "calls between two steps", func() bool { return calls.Load() > before+100 || failed.Load() > 0 })
		}
	}
	for _, r := range dev.Routers {
		if members := r.State().Members; len(members) != 3 {
			t.Errorf("%s sees %v", r.State().Replica, members)
		}
	}
	close(stop)
	callers.Wait()
	t.Logf("%d calls, %d failed", calls.Load(), failed.Load())

	late := keyed(t, dev, "late", fresh, logger())
	eventually(t, "a replica with the new key has joined", func() bool {
		return len(late.State().Members) == 4 && len(dev.Routers[0].State().Members) == 4
	})
	var log lockedBuffer
	stranger := keyed(t, dev, "stranger", old, slog.New(slog.NewTextHandler(&log, nil)))
	eventually(t, "a replica with the old key tells that it reaches nobody", func() bool {
		return strings.Contains(log.String(), "not every replica is reached yet")
	})
	if members := stranger.State().Members; len(members) != 1 {
		t.Errorf("a replica with the old key sees %v", members)
	}
	if members := dev.Routers[0].State().Members; slices.Contains(members, "stranger") {
		t.Errorf("a replica with the old key was let in: %v", members)
	}
}

// A file that cannot be used leaves the keys as they were, and the replica says what is wrong.
func TestKeysThatCannotBeUsedStayOut(t *testing.T) {
	old := []byte("0123456789abcdef")
	dev, files := startKeyed(t, 2, old)
	for content, want := range map[string]string{
		"# nothing\n": "there is no key in the file",
		base64.StdEncoding.EncodeToString(old) + "\nnon-sense": ":2: the key is not base64",
		"ZmVkY2JhOTg3NjU0MzIxMA==":                             "it would lose the other replicas",
	} {
		files[0].text(t, content)
		eventually(t, want, func() bool { return strings.Contains(dev.Routers[0].State().KeysError, want) })
		if keys := dev.Routers[0].State().Keys; !slices.Equal(keys, v1alpha1.KeyFingerprints([][]byte{old})) {
			t.Errorf("%q: the keys are %v", content, keys)
		}
	}
	files[0].write(t, old)
	reports(t, dev.Routers[0], old)
	if members := dev.Routers[1].State().Members; len(members) != 2 {
		t.Errorf("the members are %v", members)
	}
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
