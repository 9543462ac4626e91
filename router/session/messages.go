package session

import (
	"fmt"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// welcome is WELCOME.Details. It announces what is there, and nothing else (WAMP advanced
// profile, "Feature Announcement").
func (s *Session) welcome() wamp.Dict {
	return wamp.MustDict(s.format, map[string]any{
		"agent":      s.cfg.Agent,
		"authid":     s.Identity.AuthID,
		"authrole":   s.Identity.Role.Name,
		"authmethod": s.Identity.Method,
		"roles": map[string]any{
			"dealer": map[string]any{"features": map[string]any{"shared_registration": true}},
			"broker": map[string]any{"features": map[string]any{"publisher_exclusion": true}},
		},
	})
}

// abort is an ABORT with a sentence for people.
func (s *Session) abort(uri, message string) *wamp.Message {
	s.cfg.Logger.Debug("session aborted", "realm", s.Realm, "session", s.ID, "reason", uri, "message", message)
	return &wamp.Message{
		Type: wamp.Abort, URI: uri,
		Dict: wamp.MustDict(s.format, map[string]any{"message": strings.ToValidUTF8(message, "?")}),
	}
}

func goodbye(reason string) *wamp.Message { return &wamp.Message{Type: wamp.Goodbye, URI: reason} }

// Refuse answers a request of the client with ERROR; the sentence is its only argument.
func (s *Session) Refuse(of wamp.MessageType, request wamp.ID, uri, sentence string) {
	_ = s.conn.Send(&wamp.Message{
		Type: wamp.Error, Of: of, Request: request, URI: uri,
		Payload: wamp.MustPayload(s.format, []any{strings.ToValidUTF8(sentence, "?")}, nil),
	})
}

// NotAuthorized answers a request that Allowed does not allow.
func (s *Session) NotAuthorized(of wamp.MessageType, request wamp.ID, action auth.Action, uri string) {
	s.Refuse(of, request, wamp.ErrNotAuthorized,
		fmt.Sprintf("the role %q may not %s %s in the realm %s", s.Identity.Role.Name, action, uri, s.Realm))
}
