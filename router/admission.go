package router

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Join implements session.Router.
func (r *Router) Join(s *session.Session, hello session.Hello) (session.Peer, *session.Refusal) {
	if r.refusing.Load() {
		return nil, session.Stopping()
	}
	found := r.realms.get(hello.Realm)
	if found == nil || found.access.Load() == nil {
		r.loggedIn(s, &hello, false, "", noSuchRealm(hello.Realm))
		return nil, noSuchRealm(hello.Realm)
	}
	access := found.access.Load()
	if access == nil { // it went just now
		return nil, noSuchRealm(hello.Realm)
	}
	attempt, err := r.attempt(s, &hello)
	if err != nil {
		return nil, &session.Refusal{URI: wamp.ErrAuthenticationFailed, Message: err.Error()}
	}
	identity, err := access.Admit(s.Joining(), attempt)
	r.loggedIn(s, &hello, true, identity.Method, err)
	if err != nil {
		return nil, r.refuse(hello.Realm, err)
	}
	return r.realms.join(r, s, found, identity, wamp.ID(attempt.Session))
}

// attempt is what authentication has to know of a client.
func (r *Router) attempt(s *session.Session, hello *session.Hello) (*auth.Attempt, error) {
	a := &auth.Attempt{
		Methods: hello.AuthMethods, AuthID: hello.AuthID,
		Guest:      "anonymous-" + strconv.FormatUint(uint64(wamp.RandomID()), 36),
		Session:    uint64(wamp.RandomID()),
		Connection: s.Info(), Transport: s.Transport(),
		Caller: (*authenticators)(r),
	}
	var err error
	if a.Extra, err = hello.AuthExtra.Decode(); err != nil {
		return nil, fmt.Errorf("HELLO.Details.authextra cannot be read: %w", err)
	}
	a.Challenge = func(method string, extra map[string]any) (string, map[string]any, error) {
		signature, answer, refusal := s.Challenge(method, extra)
		if refusal != nil {
			return "", nil, refusal
		}
		decoded, err := answer.Decode()
		if err != nil {
			return "", nil, &session.Refusal{URI: wamp.ErrAuthenticationFailed, Message: "AUTHENTICATE.Extra cannot be read: " + err.Error()}
		}
		return signature, decoded, nil
	}
	return a, nil
}

// authenticators calls those of a realm, on whatever replica they are.
type authenticators Router

// unreachable are the errors that a router makes when a procedure could not be asked.
var unreachable = map[string]bool{
	wamp.ErrNoSuchProcedure: true, wamp.ErrNoAvailableCallee: true, wamp.ErrCanceled: true,
	wamp.ErrNetworkFailure: true, wamp.ErrTimeout: true, wamp.ErrUnavailable: true,
}

// CallInternal implements auth.Caller.
func (r *authenticators) CallInternal(ctx context.Context, realm, procedure string, args []any, kwargs map[string]any) ([]any, map[string]any, error) {
	found := r.realms.get(realm)
	if found == nil {
		return nil, nil, fmt.Errorf("%w: the realm is not served", auth.ErrUnreachable)
	}
	answer, more, err := found.dealer.CallInternal(ctx, procedure, args, kwargs)
	var failed *cluster.Error
	if errors.As(err, &failed) && unreachable[failed.URI] {
		err = fmt.Errorf("%w: %w", auth.ErrUnreachable, err)
	}
	return answer, more, err
}

// refuse says in WAMP's words why a client was not authenticated, and tells those who run the
// router what they can mend.
func (r *Router) refuse(realm string, err error) *session.Refusal {
	var ended *session.Refusal
	if errors.As(err, &ended) {
		return ended
	}
	var refused *auth.Refusal
	if !errors.As(err, &refused) {
		refused = &auth.Refusal{URI: wamp.ErrAuthenticationFailed, Message: "the router cannot decide", Cause: err}
	}
	if refused.Cause != nil {
		r.log.Warn("a client could not be authenticated", "realm", realm, "error", refused.Cause)
	}
	return &session.Refusal{URI: refused.URI, Message: refused.Message}
}
