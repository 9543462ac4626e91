package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/memberlist"
)

var (
	errClear   = errors.New("gossip and links are in the clear since this replica started, and stay so until it is started anew: restart it")
	errNoKey   = errors.New("gossip and links are encrypted, and stay so until this replica is started anew: keep at least one key")
	errForeign = errors.New("the key that this replica uses is not among the new ones, and it would lose the other replicas: write the new key below the old one first, then above it, and take the old one away last, each when all replicas have followed")
)

// keyring is what protects gossip and links. The first key is used, what any of them protects is
// taken. They can be replaced while both are in use.
type keyring struct {
	cluster string
	gossip  *memberlist.Keyring
	mu      sync.Mutex // one replacement at a time
	held    atomic.Pointer[[]*identity]
}

// newKeyring gives nil where there are no keys: gossip and links are in the clear.
func newKeyring(keys [][]byte, cluster string) (*keyring, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	k := &keyring{cluster: cluster}
	ids, err := k.identities(keys)
	if err != nil {
		return nil, err
	}
	if k.gossip, err = memberlist.NewKeyring(keys, keys[0]); err != nil {
		return nil, err
	}
	k.held.Store(&ids)
	return k, nil
}

func (k *keyring) identities(keys [][]byte) ([]*identity, error) {
	ids := make([]*identity, len(keys))
	for i, key := range keys {
		if err := memberlist.ValidateKey(key); err != nil {
			return nil, fmt.Errorf("key %d of %d: %w", i+1, len(keys), err)
		}
		var err error
		if ids[i], err = newIdentity(key, k.cluster); err != nil {
			return nil, fmt.Errorf("deriving the identity of links from the cluster's key: %w", err)
		}
	}
	return ids, nil
}

func (k *keyring) keys() (keys [][]byte) {
	if k != nil {
		for _, id := range *k.held.Load() {
			keys = append(keys, id.key)
		}
	}
	return keys
}

// replace takes other keys into use; with company, only such that what others send now is still read.
func (k *keyring) replace(keys [][]byte, company bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if company && !hasKey(keys, k.keys()[0]) {
		return errForeign
	}
	ids, err := k.identities(keys)
	if err != nil {
		return err
	}
	if err := k.replaceGossip(keys); err != nil {
		return err
	}
	k.held.Store(&ids)
	return nil
}

// replaceGossip brings memberlist's ring to the keys. The ring takes a key out by moving those behind
// it within a slice that readers hold; so keys are only ever taken from its end, and those that were
// not meant are put back.
func (k *keyring) replaceGossip(keys [][]byte) error {
	add := func() error {
		for _, key := range keys {
			if err := k.gossip.AddKey(key); err != nil {
				return err
			}
		}
		return nil
	}
	if err := add(); err != nil {
		return err
	}
	if err := k.gossip.UseKey(keys[0]); err != nil {
		return err
	}
	unwanted := func(key []byte) bool { return !hasKey(keys, key) }
	for ring := k.gossip.GetKeys(); slices.ContainsFunc(ring, unwanted); ring = k.gossip.GetKeys() {
		if err := k.gossip.RemoveKey(ring[len(ring)-1]); err != nil {
			return err
		}
	}
	return add()
}

func hasKey(keys [][]byte, key []byte) bool {
	return slices.ContainsFunc(keys, func(other []byte) bool { return bytes.Equal(other, key) })
}

// SetKeys replaces the keys of gossip and links, without a restart: the first is used from now on,
// what any of them protects is taken. Links that stand are left alone. To replace a key under load
// give every replica the old and the new one, then the new and the old one, then the new one, each
// step when all have done the one before. The error says why nothing was changed: this replica
// gossips in the clear, there is no key, one of a wrong length, or, while other replicas are there,
// the key in use is not among them.
func (n *Node) SetKeys(keys [][]byte) error {
	switch {
	case n.keys == nil && len(keys) == 0:
		return nil
	case n.keys == nil:
		return errClear
	case len(keys) == 0:
		return errNoKey
	}
	return n.keys.replace(keys, len(n.Members()) > 1)
}

// Keys are the keys of gossip and links, the one in use first; none where these are in the clear.
func (n *Node) Keys() [][]byte { return n.keys.keys() }
