package session

import (
	"fmt"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Step is what to do with a message that was received.
type Step uint8

const (
	// Ignore it: it came too late to matter.
	Ignore Step = iota
	// Admit, challenge or refuse the client: the message is its HELLO.
	Admit
	// Verify the client's answer to the challenge: the message is AUTHENTICATE.
	Verify
	// Handle it: a request or an answer for dealer or broker.
	Handle
	// Continue is Handle for a CALL that brings a further piece of an earlier one.
	Continue
	// Farewell: the client says GOODBYE; leave, answer with GOODBYE and close.
	Farewell
	// Close: the client answered our GOODBYE or gave up.
	Close
)

// phase is how far a session has come (WAMP basic profile, "Session Lifecycle").
type phase = uint32

const (
	opening    phase = iota // before HELLO
	deciding                // the router makes up its mind, on HELLO or AUTHENTICATE
	challenged              // the router sent CHALLENGE and waits for AUTHENTICATE
	joined
	leaving // the router said GOODBYE and waits for the client's
	closed
)

// Protocol is the router's side of the session state machine. Receive belongs to one
// goroutine; the phase may be changed and read from any.
type Protocol struct {
	// Features of the client, set before Joined.
	Features Features
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
		return p.before(m, wamp.Hello, Admit, opening, "HELLO: a session begins with HELLO")
	case challenged:
		return p.before(m, wamp.Authenticate, Verify, challenged, "AUTHENTICATE: answer the CHALLENGE first")
	case deciding:
		return Ignore, violation("%s before the router answered", m.Type)
	case leaving:
		if m.Type == wamp.Goodbye || m.Type == wamp.Abort {
			return Close, nil
		}
	}
	return Ignore, nil
}

// before takes the one message with which a session that is not open goes on.
func (p *Protocol) before(m *wamp.Message, want wamp.MessageType, step Step, from phase, why string) (Step, error) {
	switch m.Type {
	case want:
		if p.phase.CompareAndSwap(from, deciding) {
			return step, nil
		}
		return Ignore, nil // closed in the meantime
	case wamp.Abort, wamp.Goodbye:
		return Close, nil
	}
	return Ignore, violation("%s before %s", m.Type, why)
}

func (p *Protocol) inSession(m *wamp.Message) (Step, error) {
	switch m.Type {
	case wamp.Call:
		return p.call(m)
	case wamp.Publish, wamp.Subscribe, wamp.Unsubscribe, wamp.Register, wamp.Unregister:
		if err := p.requests.take(m.Request); err != nil {
			return Ignore, fmt.Errorf("%s: %w", m.Type, err)
		}
		return Handle, nil
	case wamp.Yield, wamp.Cancel:
		return Handle, nil
	case wamp.Error:
		if m.Of != wamp.Invocation {
			return Ignore, violation("ERROR for a %s: a client can only fail an INVOCATION", m.Of)
		}
		return Handle, nil
	case wamp.Goodbye:
		return Farewell, nil
	case wamp.Abort:
		return Close, nil
	case wamp.Hello:
		return Ignore, violation("HELLO in a session that is already open: close it with GOODBYE first")
	}
	return Ignore, violation("%s is not a message that a client sends in an open session", m.Type)
}

// call takes a CALL, which may be one of several with the same id: a client that says so knows what
// it does, whether it announced progressive call invocations or not (some clients do not).
func (p *Protocol) call(m *wamp.Message) (Step, error) {
	more := false
	if len(m.Dict.Raw) > len("progress") { // cheap, and false for nearly every call
		more, _ = m.Dict.Bool("progress")
	}
	continues, err := p.requests.call(m.Request, more)
	switch {
	case err != nil:
		return Ignore, fmt.Errorf("%s: %w", m.Type, err)
	case continues:
		return Continue, nil
	}
	return Handle, nil
}

// Challenged waits for AUTHENTICATE; false when the session was closed in the meantime.
func (p *Protocol) Challenged() bool { return p.phase.CompareAndSwap(deciding, challenged) }

// Joined enters the session; false when the router closed it in the meantime.
func (p *Protocol) Joined() bool { return p.phase.CompareAndSwap(deciding, joined) }

// Leaving starts the router's own GOODBYE; false when there is no open session.
func (p *Protocol) Leaving() bool { return p.phase.CompareAndSwap(joined, leaving) }

// Violated closes an open session; false when there is none.
func (p *Protocol) Violated() bool { return p.phase.CompareAndSwap(joined, closed) }

// GiveUp closes a session that is not open yet; false when it is open, or over.
func (p *Protocol) GiveUp() bool {
	for {
		now := p.phase.Load()
		if now >= joined {
			return false
		}
		if p.phase.CompareAndSwap(now, closed) {
			return true
		}
	}
}

// Closed ends the session and tells how far it had come.
func (p *Protocol) Closed() (from phase) { return p.phase.Swap(closed) }

// Open tells whether requests may be sent to the client.
func (p *Protocol) Open() bool { return p.phase.Load() == joined }
