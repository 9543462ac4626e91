package scenario

import (
	"slices"

	"github.com/wamp-operator/wamp-operator/test/chaos/history"
)

// withoutMinority leaves out what a minority may do by itself: it goes on with calls, to those callees
// that it can reach, and refuses registrations and rotations of the cluster. So of what clients were
// answered while their replica was in trouble, the calls go that are not of a rotation.
func withoutMinority(ops []history.Op) []history.Op {
	rotates := map[string]bool{}
	for _, op := range ops {
		if op.Kind == history.Register && op.Error == "" {
			before, known := rotates[op.Procedure]
			rotates[op.Procedure] = op.Policy == "roundrobin" && (before || !known)
		}
	}
	return slices.DeleteFunc(slices.Clone(ops), func(op history.Op) bool {
		return op.Kind == history.Call && !rotates[op.Procedure] && slices.ContainsFunc(ops, func(t history.Op) bool {
			return t.Kind == history.Trouble && t.Replica == op.Replica && t.Start <= op.End && op.Start <= t.End
		})
	})
}
