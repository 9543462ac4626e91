package session

import (
	"fmt"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// abort is an ABORT with a sentence for people; nil when nobody is there to read it. Only for the
// goroutine that reads the connection, and for sessions that are open: see turnAway.
func (s *Session) abort(r *Refusal) *wamp.Message {
	if r.URI == "" {
		return nil
	}
	s.cfg.Logger.Debug("session aborted", "realm", s.Realm, "session", s.ID, "reason", r.URI, "message", r.Message)
	return s.abortion(r)
}

// turnAway is abort from another goroutine while Router.Join may be setting realm and id.
func (s *Session) turnAway(r *Refusal) *wamp.Message {
	s.cfg.Logger.Debug("session aborted before it began", "reason", r.URI, "message", r.Message)
	return s.abortion(r)
}

func (s *Session) abortion(r *Refusal) *wamp.Message {
	return &wamp.Message{
		Type: wamp.Abort, URI: r.URI,
		Dict: wamp.MustDict(s.format, map[string]any{"message": strings.ToValidUTF8(r.Message, "?")}),
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
	s.Refuse(of, request, wamp.ErrNotAuthorized, s.Denied(action, uri))
}

// Denied says what Allowed does not allow.
func (s *Session) Denied(action auth.Action, uri string) string {
	return fmt.Sprintf("the role %q may not %s %s in the realm %s", s.Identity.Role.Name, action, uri, s.Realm)
}
