package session

import (
	"strings"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Hello is what a client says about itself.
type Hello struct {
	Realm       string
	Roles       []string // caller, callee, publisher, subscriber
	AuthMethods []string
	Agent       string
}

// Refusal is why a client does not get in. The answer is ABORT with URI and Message.
type Refusal struct {
	URI     string
	Message string
}

func (r *Refusal) Error() string { return r.Message + " (" + r.URI + ")" }

// parseHello reads HELLO. The strings are copies: they outlive the frame.
func parseHello(m *wamp.Message) (Hello, *Refusal) {
	hello := Hello{Realm: strings.Clone(m.URI)}
	for key, value := range m.Dict.All() {
		switch key {
		case "roles":
			roles, _ := value.Dict()
			for role := range roles.All() {
				switch role {
				case "caller", "callee", "publisher", "subscriber":
					hello.Roles = append(hello.Roles, strings.Clone(role))
				}
			}
		case "authmethods":
			methods, _ := value.List()
			for _, v := range methods {
				if method, ok := v.Str(); ok {
					hello.AuthMethods = append(hello.AuthMethods, strings.Clone(method))
				}
			}
		case "agent":
			agent, _ := value.Str()
			hello.Agent = strings.Clone(agent)
		}
	}
	if len(hello.Roles) == 0 {
		return hello, &Refusal{URI: wamp.ErrNoSuchRole,
			Message: "HELLO.Details.roles must name at least one of caller, callee, publisher, subscriber"}
	}
	return hello, nil
}
