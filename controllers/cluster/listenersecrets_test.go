package cluster

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/controllers/secrets"
)

// Only a Secret that changed since it was followed is news: an operator that starts annotates no pod.
func TestListenerSecrets(t *testing.T) {
	l := &listenerSecrets{}
	tls, other := types.NamespacedName{Namespace: "apps", Name: "tls"}, types.NamespacedName{Namespace: "apps", Name: "other"}
	now := time.Unix(1000, 0)
	note := func(name types.NamespacedName, version string) bool {
		return l.note(secrets.Change{Secret: name, Version: version}, now)
	}
	state := func() string { versions, _ := l.state(); return versions }
	l.keep([]types.NamespacedName{tls})
	if note(tls, "") || note(other, "7") || state() != "" {
		t.Error("what is not there, or not followed, is news")
	}
	if !note(tls, "1") || note(tls, "1") || state() != "" || l.seen() != "tls-1" {
		t.Error("what is there from the beginning is looked at once, and no pod is annotated for it")
	}
	if !note(tls, "2") || state() != "tls-2" {
		t.Errorf("a changed certificate is no news: %q", state())
	}
	if _, changed := l.state(); !changed.Equal(now) {
		t.Errorf("it changed at %s", changed)
	}
	l.keep([]types.NamespacedName{tls, other})
	if !note(other, "7") || state() != "other-7.tls-2" {
		t.Errorf("one more that is followed: %q", state())
	}
	l.keep(nil)
	if state() != "" || note(tls, "3") {
		t.Error("what is not followed any more is news")
	}
}
