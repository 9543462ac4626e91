package client

import (
	"errors"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

var errGoodbye = errors.New("both sides said GOODBYE")

// uris are the errors that come often under faults.
var uris = map[string]string{}

func init() {
	for _, uri := range []string{
		wamp.ErrCanceled, wamp.ErrNoSuchProcedure, wamp.ErrUnavailable, wamp.ErrNoAvailableCallee,
		wamp.ErrNetworkFailure, wamp.ErrTimeout, wamp.ErrProcedureAlreadyExists,
	} {
		uris[uri] = uri
	}
}

// known is a URI that outlives the frame which it came in.
func known(uri string) string {
	if u, ok := uris[uri]; ok {
		return u
	}
	return strings.Clone(uri)
}
