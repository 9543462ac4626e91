package dealer

import (
	"errors"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Payload passthru mode (WAMP advanced profile, "Payload Passthru Mode") marks a payload that
// only the peers understand. It travels as the binary argument that it is; the router passes the
// attributes on and sees to it that nobody gets such a payload who did not announce the feature.

const (
	callerPPT = session.CallerPPT
	calleePPT = session.CalleePPT
)

// errPassthru is why an answer cannot be sent to a caller.
var errPassthru = errors.New("the client did not announce payload passthru mode")

func unannouncedPPT(role string) string {
	return "the client did not announce HELLO.Details.roles." + role + ".features.payload_passthru_mode"
}

// isPassthru tells whether options or details are those of a message in payload passthru mode.
func isPassthru(d wamp.Dict) bool {
	scheme, _ := d.Get("ppt_scheme")
	return isScheme(scheme)
}

func isScheme(value wamp.Value) bool {
	scheme, _ := value.Str()
	return scheme != ""
}

// schemeOption reads ppt_scheme; null and "" count as not given.
func schemeOption(value wamp.Value) (bool, error) {
	if _, ok := value.Str(); !ok && !value.IsNull() {
		return false, errors.New("option ppt_scheme must be a string, not " + value.Kind())
	}
	return isScheme(value), nil
}

// copyPassthru passes the attributes on.
func copyPassthru(w *wamp.DictWriter, from wamp.Dict) {
	for key, value := range from.All() {
		if strings.HasPrefix(key, "ppt_") {
			w.Value(key, value)
		}
	}
}
