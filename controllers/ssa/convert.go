package ssa

import (
	"encoding/json"
	"fmt"
)

// Field owners of server-side apply.
const (
	FieldOwner       = "wamp-operator"
	StatusFieldOwner = "wamp-operator-status"
)

// Convert turns a value of an API type into its apply configuration T: the two have the same
// JSON. It panics where they have not, which only a mistake in the program can bring about.
func Convert[T any](in any) *T {
	data, err := json.Marshal(in)
	if err == nil {
		out := new(T)
		if err = json.Unmarshal(data, out); err == nil {
			return out
		}
	}
	panic(fmt.Sprintf("converting %T: %v", in, err))
}
