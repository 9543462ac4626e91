package auth

import (
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Refusal says why a client does not get in. URI and Message are for the client.
type Refusal struct {
	URI     string
	Message string
	// Cause is for the people who run the router; nil when there is nothing to mend.
	Cause error
}

func (e *Refusal) Error() string { return e.Message + " (" + e.URI + ")" }

// Unwrap gives the cause.
func (e *Refusal) Unwrap() error { return e.Cause }

// denied is the answer to everybody who is not who they say: an unknown name and a wrong secret
// are not told apart.
func denied() error {
	return &Refusal{URI: wamp.ErrAuthenticationDenied, Message: "these credentials are not accepted"}
}

// failed is the answer when the router cannot decide, or the client cannot be understood.
func failed(cause error, format string, args ...any) error {
	return &Refusal{URI: wamp.ErrAuthenticationFailed, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// unmatched says that no method that the client offers is open in the realm. missing is what
// the client left out of a method that is.
func unmatched(methods []string, missing string) error {
	switch {
	case missing != "":
		return &Refusal{URI: wamp.ErrAuthenticationRequired, Message: missing}
	case len(methods) == 1 && methods[0] == Anonymous:
		return &Refusal{URI: wamp.ErrAuthenticationRequired,
			Message: "the realm lets nobody in without a name: spec.anonymous of its WampRealm would allow it"}
	}
	return &Refusal{URI: wamp.ErrNoMatchingAuthMethod,
		Message: fmt.Sprintf("the realm knows no authentication by %s", shorten(methods))}
}

// shorten bounds what of a client's list is repeated.
func shorten(methods []string) string {
	const most = 5
	text := ""
	for i, m := range methods {
		if i == most {
			return text + " and more"
		}
		if i > 0 {
			text += ", "
		}
		if len(m) > 40 {
			m = m[:40] + "…"
		}
		text += m
	}
	return text
}
