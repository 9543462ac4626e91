package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Callee is a session connected to this replica that registered a procedure.
type Callee interface {
	// Deliver writes an INVOCATION for the call to the session and returns nil, or writes
	// nothing and returns ErrGone (the session is closed or closing), ErrBusy (its outbound
	// queue is full) or ErrLimit (the registration has as many open invocations as its
	// concurrency allows, and the delivery does not ask to be queued). It never blocks, and
	// does not call into the cluster: the turn of a rotation is locked meanwhile. The
	// delivery and what it points to are valid only during the call of Deliver, except for
	// its Caller. A call whose Caller is not open any more is dropped, with nil.
	Deliver(d *Delivery) error
	// Continue writes a further INVOCATION of a progressive call that was delivered here; the
	// Caller of the delivery tells which, by SameCall. It returns nil also when that call
	// is over, and ErrBusy when the outbound queue is full. Like Deliver otherwise.
	Continue(d *Delivery) error
	// Interrupt tells the session that the call of i.Caller is canceled, if it holds that
	// call; false when it does not. Like Deliver otherwise.
	Interrupt(i *Interruption) bool
	// WaitRoom blocks until the outbound queue has room again or the session is gone.
	WaitRoom(ctx context.Context) error
}

// Caller is where the answers to one call go.
type Caller interface {
	// Answer passes a progressive result, or the one final RESULT or ERROR, to the caller.
	// It never blocks and does not call into the cluster; the answer is valid only during
	// the call.
	Answer(a *Answer)
	// Open tells whether an answer is still wanted: not after the final one, nor when the
	// call was canceled, timed out, or its caller left.
	Open() bool
	// Sent tells the number under which the call has just been sent to another replica, or is held
	// here, for Realm.Cancel and Realm.Continue. A call that is sent again gets another number.
	Sent(call uint64)
	// Room is nil while the caller takes what is sent, else what to wait for before more
	// progressive results are sent.
	Room() Waiter
}

// SameCall tells whether two callers stand for the same call.
func SameCall(a, b Caller) bool {
	if a == b {
		return true
	}
	x, ok := a.(*remoteCaller)
	if !ok {
		return false
	}
	y, ok := b.(*remoteCaller)
	return ok && x.to == y.to && x.call == y.call
}

// Refusals of Callee.Deliver.
var (
	ErrGone  = errors.New("the callee's session is closed")
	ErrBusy  = errors.New("the callee's outbound queue is full")
	ErrLimit = errors.New("the callee has as many open invocations as its concurrency allows")
)

// RegistrationFlags are options of a registration that matter at the caller's replica.
type RegistrationFlags uint8

const (
	// DiscloseCaller: the callee wants to know who calls (REGISTER.Options.disclose_caller).
	DiscloseCaller RegistrationFlags = 1 << iota
	// ForwardTimeout: the callee minds timeouts itself (REGISTER.Options.forward_timeout).
	ForwardTimeout
	// Idempotent: the procedure is declared so, whatever its callees asked for. It is never a part
	// of what a session registers.
	Idempotent
)

// Registration asks for a place in the callee list of a procedure.
type Registration struct {
	URI     string
	Match   Match
	Invoke  Policy
	Flags   RegistrationFlags
	Session wamp.ID
	Callee  Callee
}

// Error is a refusal by the cluster: a WAMP error URI and a sentence for people.
type Error struct {
	URI     string
	Message string
}

func (e *Error) Error() string { return e.Message + " (" + e.URI + ")" }

// CallFlags travel with a call to its callee.
type CallFlags uint8

const (
	// ReceiveProgress: the caller takes progressive results (CALL.Options.receive_progress).
	ReceiveProgress CallFlags = 1 << iota
	// Progress: further pieces of this call follow (CALL.Options.progress).
	Progress
	// Queue: every callee is at its concurrency; wait at this one. Set by the cluster.
	Queue
	// Disclosed: the caller wants every callee to know who calls (CALL.Options.disclose_me).
	Disclosed
)

// Call is one CALL as the caller's replica hands it in.
type Call struct {
	// Via is where it came in, when it is handed in by the goroutine that reads there: then
	// what is sent may wait until that is flushed. When Realm.Call gives a Waiter, that has
	// to be done before waiting.
	Via    *backlog.Via
	URI    string
	Caller Caller
	// Details become INVOCATION.Details, as far as the caller's replica decides them:
	// everything but procedure and timeout, which the callee's replica adds.
	Details wamp.Dict
	Payload wamp.Payload
	Flags   CallFlags
	// Timeout is CALL.Options.timeout, or the declared one, in milliseconds; 0 is none. It travels to
	// callees that mind it themselves.
	Timeout uint32
	// Describe, when there, is called when a callee of the procedure has flags that the caller's
	// dealer must know: it returns the Details to use instead. It may be called from another
	// goroutine when the call had to wait.
	Describe func(c *Call, flags RegistrationFlags) wamp.Dict
	// Lost is how often the call was lost with a callee before; for Realm.Again.
	Lost int

	since     time.Time // when it first had to wait
	described bool
}

// Delivery is a call on its last step, at the callee's replica.
type Delivery struct {
	// Via is where the call came in, for Callee.Deliver to send it by; not to be kept.
	Via          *backlog.Via
	Registration wamp.ID
	// URI is set for pattern-based registrations: the procedure that was called.
	URI string
	// Caller takes the answers, wherever the caller is connected.
	Caller  Caller
	Details wamp.Dict
	Payload wamp.Payload
	Flags   CallFlags
	Timeout uint32
	// Stamp is the callee's place; Tried are the places of callees that were not available
	// before it. A callee that is not available either hands both back, with all of the
	// delivery, to Realm.Reroute; one that never got the call does so to Realm.Return.
	Stamp uint64
	Tried []uint64

	called string // the procedure that was called, also where it is not a pattern
	lost   int    // times that the call was lost with a callee
	held   *held  // when it was parked
}

// CancelMode says what becomes of the invocation of a call that is canceled (WAMP advanced
// profile, "Call Canceling").
type CancelMode uint8

const (
	// KillNoWait interrupts the callee; the caller has its answer already.
	KillNoWait CancelMode = iota
	// Kill interrupts the callee, whose answer goes to the caller.
	Kill
	// Skip lets the callee go on; the caller has its answer already.
	Skip
)

// Interruption cancels a call at its callee.
type Interruption struct {
	Caller Caller
	Mode   CancelMode
	// Reason is an error URI: wamp.error.canceled, wamp.error.timeout.
	Reason string
}

// Answer is a RESULT (Error is empty) or an ERROR to a call.
type Answer struct {
	// Via is where it came in, for Caller.Answer to send it by; not to be kept.
	Via      *backlog.Via
	Progress bool
	Error    string
	// Lost: the ERROR stands for a callee, or its replica, that was lost with the call after it
	// had been delivered, or may have been.
	Lost    bool
	Details wamp.Dict
	Payload wamp.Payload
}

// Event is one publication on its way to the subscribers of a topic.
type Event struct {
	Topic       string
	Publication wamp.ID
	// Stamp is when it was published, in microseconds since 1970, by the clock of the
	// publisher's replica.
	Stamp uint64
	// Details are EVENT.Details but for what depends on the subscription.
	Details wamp.Dict
	// Options are PUBLISH.Options as far as other replicas need them (who is eligible or
	// excluded, retain); the zero Dict when none do.
	Options wamp.Dict
	Payload wamp.Payload
	// Everywhere sends it to every replica, and not only to those with subscribers.
	Everywhere bool
}

// Subscription is one session's interest in a topic or a pattern of topics.
type Subscription struct {
	Topic   string
	Match   Match
	Session wamp.ID
}

// SubscriptionInfo describes a topic or pattern that has subscribers in the cluster.
type SubscriptionInfo struct {
	Topic    string
	Match    Match
	ID       wamp.ID
	Created  time.Time // of the oldest subscription in it
	Sessions []wamp.ID // in the order in which they subscribed
}

// SessionInfo is what every replica knows of a session.
type SessionInfo struct {
	Realm    string
	Session  wamp.ID
	Replica  string
	AuthID   string
	AuthRole string
	// Details are what wamp.session.get and on_join tell: one CBOR dictionary. It is a string
	// because every replica keeps one of every session, as a part of what it was told.
	Details string

	member *member
}

// Testament is what to publish when a session is gone (WAMP advanced profile, "Testaments").
// Replicas that learn that the session's replica is gone see to it.
type Testament struct {
	Session wamp.ID
	// Number tells the testaments of a session apart.
	Number uint64
	// Content is up to the broker.
	Content []byte
}

// MetaKind says what happened.
type MetaKind uint8

const (
	SessionJoined MetaKind = iota + 1
	SessionLeft
	RegistrationCreated
	RegistrationRegistered
	RegistrationUnregistered
	RegistrationDeleted
	SubscriptionCreated
	SubscriptionSubscribed
	SubscriptionUnsubscribed
	SubscriptionDeleted
	// TestamentDue: the replica of a session is gone, and the session with it; this replica
	// delivers the testament to its own subscribers.
	TestamentDue
)

// MetaEvent is a change in what this replica knows of the cluster. Each replica tells its own
// subscribers, so every subscriber learns of each change once, in order.
type MetaEvent struct {
	Kind    MetaKind
	Realm   string
	Session wamp.ID
	// URI, Match, ID and Created describe the registration or subscription.
	URI     string
	Match   Match
	ID      wamp.ID
	Created time.Time
	Invoke  Policy
	// Info is set for sessions.
	Info *SessionInfo
	// Testament is set for TestamentDue.
	Testament []byte
}

// Host is the router around the node.
type Host interface {
	// Event delivers an event from another replica to the local subscribers of its topic.
	// It never blocks; the event is valid only during the call. When a subscriber is slow to
	// take it, it returns what its publisher should wait for before the next.
	Event(realm string, e *Event) Waiter
	// Meta tells what changed in the cluster, in order, from one goroutine.
	Meta(e *MetaEvent)
	// Message takes what Realm.Tell sent about a session that is connected here.
	Message(realm string, session wamp.ID, message []byte)
	// Revoke takes a registration away from a session that is connected here: while the cluster
	// was split, an older callee has registered the procedure as single.
	Revoke(realm string, session, registration wamp.ID)
	// Kept gives the events of a realm that the replicas keep (retained ones, and the
	// history of topics), for a replica that asked with Realm.AskKept. There they are handed
	// to Keep, which ignores what it has already. The yielded event is used only during yield.
	Kept(realm string, yield func(e *Event) bool)
	Keep(realm string, e *Event)
	// Changed tells that the callee list of a procedure, or the set of members (the key is
	// then empty), changed. It is called often and must only take a note.
	Changed(key ProcedureKey)
	// Pending calls f with the callee and the caller of each call that was delivered to a
	// session here and is not answered.
	Pending(f func(Callee, Caller))
}

// Declaration is what a WampProcedure says about a procedure.
type Declaration struct {
	Invoke   Policy
	Override bool // apply Invoke whatever a REGISTER asks for, instead of refusing it
	// LocalRotation: each replica has a rotation of its own.
	LocalRotation bool
	// Idempotent: a call that is lost with its callee is sent to the next one.
	Idempotent bool
	// Hold is how long a call waits while there is no callee.
	Hold time.Duration
	// Timeout is how long a call may take at most; 0 is no bound. The caller's dealer asks for it with
	// Realm.Timeout.
	Timeout time.Duration
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
	Created      time.Time // of the oldest registration in it
	Callees      []CalleeInfo
}
