package cluster

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// keyState is what the Secret of the gossip key holds: all that has to be known to go on with a
// replacement that another operator began.
type keyState struct {
	// keys as the routers read them: the first is used, all are accepted.
	keys [][]byte
	// request is the value of the annotation for which the key is being replaced, empty when it is
	// not, and next the fingerprint of the key that comes. done is the request fulfilled last.
	request, next, done string
}

func (k keyState) equal(other keyState) bool {
	return k.request == other.request && k.next == other.next && k.done == other.done &&
		slices.EqualFunc(k.keys, other.keys, bytes.Equal)
}

// keyReport is what one router that runs says of its keys.
type keyReport struct {
	name string
	// heard: what it says is of now.
	heard bool
	// keys are fingerprints, the one in use first; trouble is why it does not take the file.
	keys    []string
	trouble string
}

// fits tells whether a router with these keys and one that reads next understand one another.
func (r keyReport) fits(next []string) bool {
	return r.heard && len(r.keys) > 0 && slices.Contains(next, r.keys[0]) && slices.Contains(r.keys, next[0])
}

// why says of a router that is waited for what is the matter with it, beyond being a moment late.
func (r keyReport) why() string {
	switch {
	case !r.heard:
		return r.name + " (the operator does not hear it)"
	case len(r.keys) == 0:
		return r.name + " (it does not report its keys: use a router image of the operator's version)"
	case r.trouble != "":
		return r.name + " (" + strings.TrimRight(r.trouble, ".") + ")"
	}
	return r.name
}

// maxWaiting bounds how many routers a message names.
const maxWaiting = 5

func waitingFor(late []keyReport) string {
	var names []string
	for i, r := range late {
		if i == maxWaiting {
			names = append(names, fmt.Sprintf("%d more", len(late)-i))
			break
		}
		names = append(names, r.why())
	}
	return strings.Join(names, ", ")
}

// nextKeys decides about the next step towards a new key: what the Secret shall hold, which is what it
// holds when there is nothing to do, and, while a replacement is under way, what it waits for.
//
// A new key goes through four steps: below the old one, above it, alone, and done. A list of keys is
// written only when every router that runs understands those who read it and is understood by
// them, so that it does not matter when a router reads it; and a replacement is done when all routers
// have given the old key up. A request that comes meanwhile is fulfilled afterwards, with one more key.
func nextKeys(have keyState, request string, routers []keyReport, newKey func() []byte) (next keyState, waits string) {
	next = have
	ready, aim := func(r keyReport) bool { return r.fits(v1alpha1.KeyFingerprints(next.keys)) }, ""
	fingerprints := v1alpha1.KeyFingerprints(have.keys)
	place := slices.Index(fingerprints, have.next)
	switch {
	case have.request == "" && (request == "" || request == have.done):
		return have, ""
	case have.request == "" || place < 0: // it begins, or somebody took the new key away
		if have.request == "" {
			next.request = request
		}
		key := newKey()
		next.keys, next.next = append(slices.Clone(have.keys), key), v1alpha1.KeyFingerprints([][]byte{key})[0]
		aim = "to use a key of the Secret"
	case place > 0:
		key := have.keys[place]
		next.keys = append([][]byte{key}, slices.Delete(slices.Clone(have.keys), place, place+1)...)
		aim = "to accept the new key"
	case len(have.keys) > 1:
		next.keys = have.keys[:1]
		aim = "to use the new key"
	default:
		next.request, next.next, next.done = "", "", have.request
		ready = func(r keyReport) bool { return r.heard && slices.Equal(r.keys, fingerprints) }
		aim = "to give the old key up"
	}
	var late []keyReport
	for _, r := range routers {
		if !ready(r) {
			late = append(late, r)
		}
	}
	if len(late) > 0 {
		return have, fmt.Sprintf("The gossip key is being replaced and waits for routers %s: %s.", aim, waitingFor(late))
	}
	return next, ""
}

// strangers finds the routers that a router which reads the Secret now could not talk to, while no
// key is being replaced.
func strangers(have keyState, routers []keyReport) (names []string) {
	if have.request != "" || len(have.keys) == 0 {
		return nil
	}
	for _, r := range routers {
		if r.heard && len(r.keys) > 0 && !r.fits(v1alpha1.KeyFingerprints(have.keys)) {
			names = append(names, r.name)
		}
	}
	return names
}
