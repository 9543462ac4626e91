package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/controllers/secrets"
	"github.com/wamp-operator/wamp-operator/controllers/snapshot"
)

// vault is what was read of the Secrets that the realms of a cluster refer to, the values of the
// keys that they name and no others, so that one changed procedure does not read all Secrets again.
type vault struct {
	mu       sync.Mutex
	readings map[types.NamespacedName]reading
	// told counts what the watch told about a Secret: a reading that began before counts no more.
	told map[types.NamespacedName]int
}

// reading is a Secret as it was read.
type reading struct {
	secret  snapshot.Secret
	keys    []string
	version string
	told    int
}

// changed notes what the watch told; it tells whether that is news.
func (v *vault) changed(change secrets.Change) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	last, known := v.readings[change.Secret]
	if known && change.Version != "" && last.version == change.Version && last.told == v.told[change.Secret] {
		return false
	}
	if v.told == nil {
		v.told = map[types.NamespacedName]int{}
	}
	v.told[change.Secret]++
	return true
}

// recall gives the last reading of these keys if it still counts, and else what has been told so
// far, which belongs to the next reading.
func (v *vault) recall(name types.NamespacedName, keys []string) (snapshot.Secret, bool, int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	last, known := v.readings[name]
	told := v.told[name]
	return last.secret, known && last.told == told && slices.Equal(last.keys, keys), told
}

// keep forgets what is not referred to any more and takes what was read.
func (v *vault) keep(references map[types.NamespacedName][]string, read map[types.NamespacedName]reading) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.readings == nil {
		v.readings = map[types.NamespacedName]reading{}
	}
	for name, r := range read {
		v.readings[name] = r
	}
	for name := range v.readings {
		if _, wanted := references[name]; !wanted {
			delete(v.readings, name)
		}
	}
	for name := range v.told {
		if _, wanted := references[name]; !wanted {
			delete(v.told, name)
		}
	}
}

// secretsOf reads the Secrets that a snapshot refers to, those alone that changed since the last time.
func (r *Reconciler) secretsOf(ctx context.Context, s *scope, compiled *snapshot.Snapshot) (snapshot.Secrets, error) {
	references := compiled.References()
	out := make(snapshot.Secrets, len(references))
	for name := range references {
		if problems := validation.NameIsDNSSubdomain(name.Name, false); len(problems) > 0 {
			out[name] = snapshot.Secret{Reason: snapshot.ReasonSecretNotFound, Trouble: fmt.Sprintf(
				"%q is not a name that a Secret can have: write the name of one.", name.Name)}
			delete(references, name)
		}
	}
	watched := maps.Clone(references)
	listener := listenerSecretNames(s.cluster)
	for _, name := range listener {
		if _, too := watched[name]; !too {
			watched[name] = nil
		}
	}
	s.memory.listener.keep(listener)
	r.Secrets.Watch(s.name, watched) // before reading: no change falls between
	read := map[types.NamespacedName]reading{}
	defer func() { s.memory.vault.keep(references, read) }()
	for name, keys := range references {
		secret, fresh, told := s.memory.vault.recall(name, keys)
		if !fresh {
			next, err := r.readSecret(ctx, name, keys)
			if err != nil {
				return nil, err
			}
			next.told = told
			read[name], secret = next, next.secret
		}
		out[name] = secret
	}
	return out, nil
}

func (r *Reconciler) readSecret(ctx context.Context, name types.NamespacedName, keys []string) (reading, error) {
	out := reading{keys: keys}
	secret := &corev1.Secret{}
	switch err := r.Live.Get(ctx, name, secret); {
	case apierrors.IsNotFound(err):
		return out, nil
	case apierrors.IsForbidden(err):
		out.secret = snapshot.Secret{Reason: snapshot.ReasonSecretUnreadable, Trouble: fmt.Sprintf(
			"the operator may not read the Secret %s: give it the verbs get and watch on secrets in that namespace.", name)}
		return out, nil
	case err != nil:
		return out, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	out.version = secret.ResourceVersion
	out.secret.Values = make(map[string][]byte, len(keys))
	for _, key := range keys {
		if value, there := secret.Data[key]; there {
			out.secret.Values[key] = value
		}
	}
	return out, nil
}
