package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Callee is a session connected to this replica that registered a procedure.
type Callee interface {
	// Deliver writes an INVOCATION for the call to the session and returns nil, or writes
	// nothing and returns ErrGone (the session is closed or closing) or ErrBusy (its
	// outbound queue is full). It never blocks, and does not call into the cluster: the
	// turn of a rotation is locked meanwhile. The delivery and what it points to are valid
	// only during the call of Deliver, except for its Caller.
	Deliver(d *Delivery) error
	// WaitRoom blocks until the outbound queue has room again or the session is gone.
	WaitRoom(ctx context.Context) error
}

// Caller is where the answers to one call go.
type Caller interface {
	// Answer passes a progressive result, or the one final RESULT or ERROR, to the caller.
	// It never blocks and does not call into the cluster; the answer is valid only during
	// the call.
	Answer(a *Answer)
}

// Refusals of Callee.Deliver.
var (
	ErrGone = errors.New("the callee's session is closed")
	ErrBusy = errors.New("the callee's outbound queue is full")
)

// Registration asks for a place in the callee list of a procedure.
type Registration struct {
	URI     string
	Match   Match
	Invoke  Policy
	Session wamp.ID
	Callee  Callee
}

// Error is a refusal by the cluster: a WAMP error URI and a sentence for people.
type Error struct {
	URI     string
	Message string
}

func (e *Error) Error() string { return e.Message + " (" + e.URI + ")" }

// Call is one CALL as the caller's replica hands it in.
type Call struct {
	URI    string
	Caller Caller
	// Details become INVOCATION.Details, as far as the caller's replica decides them.
	Details wamp.Dict
	Payload wamp.Payload

	since time.Time // when it first had to wait
}

// Delivery is a call on its last step, at the callee's replica.
type Delivery struct {
	Registration wamp.ID
	// URI is set when it is not the registered one: for pattern-based registrations.
	URI string
	// Caller takes the answers, wherever the caller is connected.
	Caller  Caller
	Details wamp.Dict
	Payload wamp.Payload
}

// Answer is a RESULT (Error is empty) or an ERROR to a call.
type Answer struct {
	Progress bool
	Error    string
	Details  wamp.Dict
	Payload  wamp.Payload
}

// Event is one publication on its way to the subscribers of a topic.
type Event struct {
	Topic       string
	Publication wamp.ID
	Details     wamp.Dict // EVENT.Details
	Payload     wamp.Payload
}

// Host is the router around the node.
type Host interface {
	// Event delivers an event from another replica to the local subscribers of its topic.
	// It never blocks; the event is valid only during the call.
	Event(realm string, e *Event)
	// Changed tells that the callee list of a procedure, or the set of members (URI is
	// then empty), changed. It is called often and must only take a note.
	Changed(realm, uri string)
	// Pending calls f with the caller of each call that was delivered to a session here
	// and is not answered.
	Pending(f func(Caller))
}

// Declaration is what a WampProcedure says about a procedure.
type Declaration struct {
	Invoke   Policy
	Override bool // apply Invoke whatever a REGISTER asks for, instead of refusing it
}

// ProcedureKey names a procedure in the cluster.
type ProcedureKey struct {
	Realm string
	Match Match
	URI   string
}

// CalleeInfo describes one callee in the order of the list.
type CalleeInfo struct {
	Stamp   uint64
	Replica string
	Session wamp.ID
}

// ProcedureInfo describes a procedure for administration.
type ProcedureInfo struct {
	ProcedureKey
	Registration wamp.ID
	Invoke       Policy
	Callees      []CalleeInfo
}
