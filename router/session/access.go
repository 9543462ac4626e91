package session

import (
	"crypto/tls"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Allowed tells whether the session's role may do action with uri, by the rules as they are
// now. Only for the goroutine that reads the connection.
func (s *Session) Allowed(action auth.Action, uri string) bool { return s.Actions(uri)&action != 0 }

// Actions are all that the session's role may do with uri, by the rules as they are now. Only for
// the goroutine that reads the connection.
func (s *Session) Actions(uri string) auth.Action {
	if rules := s.Access.Load(); rules != s.rules {
		s.rules, s.role = rules, rules.Role(s.Identity.Role.Name)
	}
	return s.role.Actions(uri)
}

// AllowedPattern tells the same of all that a pattern matches.
func (s *Session) AllowedPattern(action auth.Action, match wamp.Match, uri string) bool {
	if rules := s.Access.Load(); rules != s.rules {
		s.rules, s.role = rules, rules.Role(s.Identity.Role.Name)
	}
	return s.role.AllowsPattern(action, match, uri)
}

// TrustLevel is that of the session's role, by the rules as they are now; ok is false when the
// role has none. It goes into INVOCATION and EVENT (WAMP advanced profile, "Call Trust Levels",
// "Publication Trust Levels"). From any goroutine.
func (s *Session) TrustLevel() (level uint64, ok bool) {
	return s.Access.Load().Role(s.Identity.Role.Name).TrustLevel()
}

// Has tells whether the client announced all of the features.
func (s *Session) Has(f Features) bool { return s.protocol.Features.Has(f) }

// Continues tells whether the CALL that is being handled brings a further piece of the call
// with the same id (WAMP advanced profile, "Progressive Call Invocations"), which may have ended
// already. Only during Peer.Handle.
func (s *Session) Continues() bool { return s.continues }

// Info tells what the connection is.
func (s *Session) Info() *transport.Info { return s.conn.Info() }

// Transport describes the connection for others, as the session meta API does: its "type", its
// "protocol" in WAMP's words, the "peer" as network:address, and "tls" with the version of TLS on
// an encrypted one.
func (s *Session) Transport() map[string]any {
	info := s.conn.Info()
	out := map[string]any{"type": string(info.Protocol), "protocol": info.Subprotocol}
	if info.Peer != nil {
		out["peer"] = info.Peer.Network() + ":" + info.Peer.String()
	}
	if info.TLS != nil {
		out["tls"] = tls.VersionName(info.TLS.Version)
	}
	return out
}
