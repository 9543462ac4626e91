package installation

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Who applies a wrong manifest is told at once; what may still come is waited for.
func TestRefused(t *testing.T) {
	kind, resource := schema.GroupKind{Kind: "WampCluster"}, schema.GroupResource{Resource: "wampclusters"}
	_, wrong := manifests(owner("kind: Pod"))
	for _, c := range []struct {
		err  error
		want bool
	}{
		{apierrors.NewInvalid(kind, "demo", nil), true},
		{apierrors.NewBadRequest("unknown field"), true},
		{refusal(wrong.Error()), true},
		{apierrors.NewNotFound(resource, "demo"), false},
		{apierrors.NewForbidden(resource, "demo", errors.New("the role has still to come")), false},
		{errors.New("connection refused"), false},
	} {
		if got := Refused(fmt.Errorf("applying it: %w", c.err)); got != c.want {
			t.Errorf("%v: refused for good: %t", c.err, got)
		}
	}
}
