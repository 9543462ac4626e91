package session

import (
	"fmt"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Step is what to do with a message that was received.
type Step uint8

const (
	// Ignore it: it came too late to matter, or asks for what the router did not announce.
	Ignore Step = iota
	// Admit or refuse the client: the message is its HELLO.
	Admit
	// Handle it: a request or an answer for dealer or broker.
	Handle
	// Farewell: the client says GOODBYE; leave, answer with GOODBYE and close.
	Farewell
	// Close: the client answered our GOODBYE or gave up.
	Close
)

// phase is how far a session has come (WAMP basic profile, "Session Lifecycle").
type phase = uint32

const (
	opening phase = iota // before WELCOME
	joined
	leaving // the router said GOODBYE and waits for the client's
	closed
)

// Protocol is the router's side of the session state machine. Receive belongs to one
// goroutine; the phase may be changed and read from any.
type Protocol struct {
	phase    atomic.Uint32
	requests requests
}

// Violation says how a peer broke the protocol. The answer is ABORT with
// wamp.error.protocol_violation.
type Violation struct{ Message string }

func (v *Violation) Error() string { return v.Message }

func violation(format string, args ...any) error {
	return &Violation{Message: fmt.Sprintf(format, args...)}
}

// Receive takes a message that the client sent and says what to do, or how the message
// violates the protocol.
func (p *Protocol) Receive(m *wamp.Message) (Step, error) {
	switch p.phase.Load() {
	case joined:
		return p.inSession(m)
	case opening:
		switch m.Type {
		case wamp.Hello:
			return Admit, nil
		case wamp.Abort, wamp.Goodbye:
			return Close, nil
		}
		return Ignore, violation("%s before HELLO: a session begins with HELLO", m.Type)
	case leaving:
		if m.Type == wamp.Goodbye || m.Type == wamp.Abort {
			return Close, nil
		}
	}
	return Ignore, nil
}

func (p *Protocol) inSession(m *wamp.Message) (Step, error) {
	switch m.Type {
	case wamp.Call, wamp.Publish, wamp.Subscribe, wamp.Unsubscribe, wamp.Register, wamp.Unregister:
		if err := p.requests.take(m.Request); err != nil {
			return Ignore, fmt.Errorf("%s: %w", m.Type, err)
		}
		return Handle, nil
	case wamp.Yield:
		return Handle, nil
	case wamp.Error:
		if m.Of != wamp.Invocation {
			return Ignore, violation("ERROR for a %s: a client can only fail an INVOCATION", m.Of)
		}
		return Handle, nil
	case wamp.Cancel:
		return Ignore, nil // canceling is not announced: the call goes on to its result
	case wamp.Goodbye:
		return Farewell, nil
	case wamp.Abort:
		return Close, nil
	case wamp.Hello:
		return Ignore, violation("HELLO in a session that is already open: close it with GOODBYE first")
	}
	return Ignore, violation("%s is not a message that a client sends in an open session", m.Type)
}

// Joined enters the session; false when the router closed it in the meantime.
func (p *Protocol) Joined() bool { return p.phase.CompareAndSwap(opening, joined) }

// Leaving starts the router's own GOODBYE; false when there is no open session.
func (p *Protocol) Leaving() bool { return p.phase.CompareAndSwap(joined, leaving) }

// Closed ends the session and tells how far it had come.
func (p *Protocol) Closed() (from phase) { return p.phase.Swap(closed) }

// Open tells whether requests may be sent to the client.
func (p *Protocol) Open() bool { return p.phase.Load() == joined }
