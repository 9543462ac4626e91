package router

import (
	"bytes"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/admin"
)

// keyReport is what the state says of the key file, besides the keys in use.
type keyReport struct {
	trouble atomic.Pointer[string]
}

func (k *keyReport) say(trouble string) { k.trouble.Store(&trouble) }

func (k *keyReport) text() string {
	if said := k.trouble.Load(); said != nil {
		return *said
	}
	return ""
}

// applyKeys takes the keys of the changed file into use, or keeps the last good ones and says why.
func (r *Router) applyKeys(keys [][]byte, err error) {
	before := r.node.Keys()
	if err == nil {
		err = r.node.SetKeys(keys)
	}
	after := v1alpha1.KeyFingerprints(r.node.Keys())
	if err != nil {
		r.keys.say(err.Error())
		r.log.Error("the keys of the cluster cannot be used, the last ones stay in use", "error", err, "keys", after)
	} else {
		r.keys.say("")
		r.log.Info("keys of the cluster in use, the first for what is sent", "keys", after)
	}
	r.admin.Changed(admin.ProcedureKey{})
	if !bytes.Equal(before[0], r.decoyKey()) {
		r.renewDecoys()
	}
}

// decoyKey is the same on every replica, but for the moments in which they change to another key;
// nil where no key is configured.
func (r *Router) decoyKey() []byte {
	if keys := r.node.Keys(); len(keys) > 0 {
		return keys[0]
	}
	return nil
}

// renewDecoys makes the challenges for names that nobody has with the key of now: replicas that
// started with it make them so, and the others must not be told from them.
func (r *Router) renewDecoys() {
	r.applying.Lock()
	defer r.applying.Unlock()
	if r.applied != nil {
		r.applyNow(r.applied, nil)
	}
}
