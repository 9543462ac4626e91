package session

import (
	"strings"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Hello is what a client says about itself. Session resumption is not announced: a client that
// asks for it (HELLO.Details.resumable, resume-session, resume-token) gets a new session.
type Hello struct {
	Realm       string
	Roles       []string // caller, callee, publisher, subscriber
	Features    Features
	AuthMethods []string
	// AuthID is who the client says it is; nothing proves it yet.
	AuthID string
	// AuthExtra is what the authentication methods want to know in advance; it may be empty.
	AuthExtra wamp.Dict
	Agent     string
}

// Refusal is why a client does not get in. The answer is ABORT with URI and Message; nothing is
// answered when URI is empty, because the client is gone.
type Refusal struct {
	URI     string
	Message string
}

func (r *Refusal) Error() string { return r.Message + " (" + r.URI + ")" }

// parseHello reads HELLO. What it keeps are copies: they outlive the frame.
func parseHello(m *wamp.Message) (Hello, *Refusal) {
	hello := Hello{Realm: strings.Clone(m.URI)}
	for key, value := range m.Dict.All() {
		switch key {
		case "roles":
			roles, _ := value.Dict()
			for role, details := range roles.All() {
				if _, known := clientFeatures[role]; known {
					hello.Roles = append(hello.Roles, strings.Clone(role))
					hello.Features |= parseFeatures(role, details)
				}
			}
		case "authmethods":
			methods, ok := value.List()
			if !ok && !value.IsNull() {
				return hello, notMethods(value)
			}
			for _, v := range methods {
				method, ok := v.Str()
				if !ok {
					return hello, notMethods(v)
				}
				hello.AuthMethods = append(hello.AuthMethods, strings.Clone(method))
			}
		case "authid":
			authID, _ := value.Str()
			hello.AuthID = strings.Clone(authID)
		case "authextra":
			extra, _ := value.Dict()
			hello.AuthExtra = extra.Clone()
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

// notMethods refuses what is no list of methods: who wrote it meant to log in, and is not to find
// himself in the realm without a name.
func notMethods(found wamp.Value) *Refusal {
	return &Refusal{URI: wamp.ErrInvalidArgument,
		Message: `HELLO.Details.authmethods must be a list of strings, for example ["wampcra"]; there is ` + found.Kind()}
}
