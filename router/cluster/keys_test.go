package cluster

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/hashicorp/memberlist"
)

var oldKey, newKey, thirdKey = []byte("0123456789abcdef"), []byte("fedcba9876543210fedcba9876543210"), []byte("a third key here")

// shake makes both sides of a link meet.
func shake(t *testing.T, a, b *keyring) error {
	t.Helper()
	one, other := net.Pipe()
	server, client := tls.Server(one, a.linkTLS()), tls.Client(other, b.linkTLS())
	refused := make(chan error, 1)
	go func() {
		err := server.Handshake()
		_ = one.Close()
		refused <- err
	}()
	err := client.Handshake()
	_, _ = client.Read(make([]byte, 1)) // what the other side says to it
	_ = other.Close()
	return errors.Join(err, <-refused)
}

// Replicas that are a step of a replacement apart link with one another, either side dialing; those
// without a key in common do not, and neither do those that use what the other has taken away.
func TestKeysAStepApartLink(t *testing.T) {
	steps := [][][]byte{{oldKey}, {oldKey, newKey}, {newKey, oldKey}, {newKey}}
	for i, a := range steps {
		for j, b := range steps {
			one, err := newKeyring(a, "test")
			if err != nil {
				t.Fatal(err)
			}
			other, err := newKeyring(b, "test")
			if err != nil {
				t.Fatal(err)
			}
			want := hasKey(a, b[0]) && hasKey(b, a[0])
			if err := shake(t, one, other); (err == nil) != want {
				t.Errorf("a replica at step %d and one at step %d: %v", i, j, err)
			}
			if near := i-j <= 1 && j-i <= 1; near && !want {
				t.Errorf("steps %d and %d do not go together", i, j)
			}
		}
	}
}

// The ring of gossip ends up with the keys that are asked for, the first in use, whatever it held,
// while others read it.
func TestRingFollowsKeys(t *testing.T) {
	k, err := newKeyring([][]byte{oldKey}, "test")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() { // as memberlist reads it for each packet
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, key := range k.gossip.GetKeys() {
				if memberlist.ValidateKey(key) != nil {
					t.Error("a reader sees what is no key")
				}
			}
		}
	})
	all := [][][]byte{
		{oldKey}, {oldKey, newKey}, {newKey, oldKey}, {newKey}, {oldKey, newKey, thirdKey}, {oldKey, thirdKey},
		{thirdKey, newKey, oldKey}, {newKey},
	}
	for range 20 {
		for _, keys := range all {
			if err := k.replace(keys, false); err != nil {
				t.Fatal(err)
			}
			ring := k.gossip.GetKeys()
			if len(ring) != len(keys) || !slices.Equal(ring[0], keys[0]) || slices.ContainsFunc(keys, func(key []byte) bool { return !hasKey(ring, key) }) {
				t.Fatalf("%q became the ring %q", keys, ring)
			}
		}
	}
	close(stop)
	readers.Wait()
}

// What would cut a replica off from others, or change what is encrypted at all, is refused with a
// reason, and the keys stay.
func TestKeysThatCannotBeTaken(t *testing.T) {
	clear := startNodes(t, 1)[0]
	if err := clear.SetKeys([][]byte{newKey}); !errors.Is(err, errClear) {
		t.Errorf("a replica in the clear takes a key: %v", err)
	}
	if err := clear.SetKeys(nil); err != nil || clear.Keys() != nil {
		t.Errorf("a replica in the clear stays so: %v", err)
	}
	nodes := startNodes(t, 2, oldKey)
	for name, c := range map[string]struct {
		keys [][]byte
		want error
	}{
		"no key":                     {nil, errNoKey},
		"another key":                {[][]byte{newKey}, errForeign},
		"the one in use is not here": {[][]byte{newKey, thirdKey}, errForeign},
	} {
		if err := nodes[0].SetKeys(c.keys); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := nodes[0].SetKeys([][]byte{oldKey, []byte("short")}); err == nil {
		t.Error("a key of five bytes is taken")
	}
	if keys := nodes[0].Keys(); len(keys) != 1 || !slices.Equal(keys[0], oldKey) {
		t.Errorf("the keys are %q", keys)
	}
	// One that is alone has nobody to lose: it was started with keys that are not in use any more.
	alone := startNodes(t, 1, oldKey)[0]
	if err := alone.SetKeys([][]byte{newKey}); err != nil || !slices.Equal(alone.Keys()[0], newKey) {
		t.Errorf("a replica that is alone: %v", err)
	}
}
