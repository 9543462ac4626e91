package session

import (
	"context"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// gone stands for a client that is not there any more.
var gone = &Refusal{Message: "the client is gone"}

// admit answers HELLO with WELCOME, or says why not.
func (s *Session) admit(router Router, m *wamp.Message) *Refusal {
	hello, refusal := parseHello(m)
	if refusal != nil {
		return refusal
	}
	s.protocol.Features = hello.Features
	s.entering.Lock()
	s.stopsAtGoodbye = stopsAtGoodbye(s.conn.Info(), hello.Agent)
	s.entering.Unlock()
	if s.peer, refusal = s.join(router, hello); refusal != nil {
		return refusal
	}
	s.rules = s.Access.Load()
	s.role = s.rules.Role(s.Identity.Role.Name)
	if !s.enter() {
		return gone // the router ended the session while it began, and has said so
	}
	s.handshake.Stop()
	s.cfg.Logger.Debug("session joined", "realm", s.Realm, "session", s.ID, "role", s.Identity.Role.Name, "agent", hello.Agent)
	return nil
}

// enter sends WELCOME; false when there is no session to enter any more.
func (s *Session) enter() bool {
	s.entering.Lock()
	defer s.entering.Unlock()
	if s.protocol.phase.Load() == closed {
		return false
	}
	_ = s.conn.Send(&wamp.Message{Type: wamp.Welcome, ID: s.ID, Dict: s.welcome()})
	return s.protocol.Joined()
}

func (s *Session) join(router Router, hello Hello) (Peer, *Refusal) {
	ctx, cancel := context.WithDeadline(s.ctx, s.deadline)
	defer cancel()
	s.joining = ctx
	defer func() { s.joining = nil }()
	return router.Join(s, hello)
}

// Joining ends when the time for the handshake is over, or the router stops. Only for
// Router.Join.
func (s *Session) Joining() context.Context { return s.joining }

// Challenge sends CHALLENGE and waits for the client's AUTHENTICATE (WAMP advanced profile,
// "Authentication"). The refusal is for Router.Join to return: the client went, took too long,
// or broke the protocol. Only for Router.Join.
func (s *Session) Challenge(method string, extra map[string]any) (signature string, answer wamp.Dict, refusal *Refusal) {
	dict, err := wamp.NewDict(s.format, extra)
	if err != nil {
		return "", wamp.Dict{}, &Refusal{URI: wamp.ErrAuthenticationFailed, Message: "the challenge cannot be said in " + s.format.String()}
	}
	if !s.protocol.Challenged() {
		return "", wamp.Dict{}, gone
	}
	s.asked = method
	_ = s.conn.Send(&wamp.Message{Type: wamp.Challenge, Text: method, Dict: dict})
	m := &s.in
	step, refusal := s.receive(m)
	if refusal != nil {
		return "", wamp.Dict{}, refusal
	}
	if step != Verify {
		return "", wamp.Dict{}, gone
	}
	return strings.Clone(m.Text), m.Dict.Clone(), nil
}

// Asked is the method of the CHALLENGE that was sent; empty when there was none. Only for
// Router.Join.
func (s *Session) Asked() string { return s.asked }

// welcome is WELCOME.Details.
func (s *Session) welcome() wamp.Dict {
	details := map[string]any{
		"agent":      s.cfg.Agent,
		"realm":      s.Realm,
		"authid":     s.Identity.AuthID,
		"authrole":   s.Identity.Role.Name,
		"authmethod": s.Identity.Method,
		"roles":      routerFeatures,
	}
	if s.Identity.Provider != "" {
		details["authprovider"] = s.Identity.Provider
	}
	if len(s.Identity.Extra) > 0 {
		details["authextra"] = s.Identity.Extra
	}
	return wamp.MustDict(s.format, details)
}

// handshakeExpired closes a connection that did not get as far as WELCOME in time.
func (s *Session) handshakeExpired() {
	s.entering.Lock()
	defer s.entering.Unlock()
	why := "no HELLO within "
	if s.protocol.phase.Load() != opening {
		why = "not authenticated within "
	}
	if s.protocol.GiveUp() {
		_ = s.conn.Send(s.turnAway(&Refusal{URI: wamp.ErrTimeout, Message: why + s.cfg.HandshakeTimeout.String()}))
		s.conn.Close()
	}
}
