// Package installation has what the chart runs besides the operator: Apply makes the WampCluster,
// WampRealms and WampProcedures of the chart's values, Check is what `helm test` asks. Both are short
// programs against the API server; neither takes part in what the operator does afterwards.
package installation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

// pause is how long to wait before looking again.
const pause = 500 * time.Millisecond

// Name reads NAMESPACE/NAME.
func Name(text string) (types.NamespacedName, error) {
	namespace, name, ok := strings.Cut(text, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return types.NamespacedName{}, fmt.Errorf("%q is no NAMESPACE/NAME: write for example wamp-system/wamp-operator", text)
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, nil
}

// refusal is an error that no waiting mends.
type refusal string

func (r refusal) Error() string { return string(r) }

// Refused tells whether trying again cannot help: somebody has to write something else first.
func Refused(err error) bool {
	var refused refusal
	return errors.As(err, &refused) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)
}

// until tries again what fails, as definitions and rights take a moment to be in force after they
// were made. It ends early for what the API server will never take, and otherwise gives the last
// error when the context ends.
func until(ctx context.Context, try func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, pause, true, func(ctx context.Context) (bool, error) {
		err := try(ctx)
		if err == nil {
			return true, nil
		}
		if Refused(err) {
			return false, err
		}
		if ctx.Err() == nil || last == nil {
			last = err // not the one that says only that time was up
		}
		return false, nil
	})
	if wait.Interrupted(err) && last != nil {
		return fmt.Errorf("gave up: %w", last)
	}
	return err
}
