package dealer

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/internal/ring"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Realm is what the dealer asks of the cluster; *cluster.Realm does it.
type Realm interface {
	Register(reg cluster.Registration, done func(id wamp.ID, err error))
	Unregister(session, registration wamp.ID, done func(err error))
	Registration(id wamp.ID) (cluster.ProcedureInfo, bool)
	Declared(match cluster.Match, uri string) (cluster.Policy, bool)
	Timeout(uri string) time.Duration
	Call(c *cluster.Call) cluster.Waiter
	Continue(call uint64, c *cluster.Call) cluster.Waiter
	Cancel(call uint64, i *cluster.Interruption)
	Reroute(d *cluster.Delivery)
	Return(d *cluster.Delivery)
	Again(c *cluster.Call)
}

// Dealer is the dealer of one realm on this replica.
type Dealer struct {
	realm  Realm
	name   string
	meta   MetaProcedures
	limits Limits
	counts counts
	timed  atomic.Bool // see SetTimed
	// concurrency is what is declared, by registration id; see SetConcurrency.
	concurrency atomic.Pointer[map[wamp.ID]int]
}

// New makes the dealer of a realm. Meta answers the calls of wamp. procedures; nil when there
// are none.
func New(name string, realm Realm, meta MetaProcedures, limits Limits) *Dealer {
	return &Dealer{realm: realm, name: name, meta: meta, limits: limits}
}

// counts are of what happens seldom, so that all sessions of the realm can share them.
type counts struct {
	canceled, timedOut, rerouted, lost atomic.Uint64
	refusedCalls, refusedRegistrations atomic.Uint64
	queued                             atomic.Int64
}

// Counts are of the callers and callees on this replica, since it started.
type Counts struct {
	Canceled uint64 // calls that their callers canceled
	TimedOut uint64 // calls that were not answered in time
	Rerouted uint64 // calls that a callee here handed back, as it is not available
	Again    uint64 // times that a call was sent to the next callee after it was lost with one
	// RefusedCalls and RefusedRegistrations are what Limits refused.
	RefusedCalls, RefusedRegistrations uint64

	Queued int // calls that wait for the concurrency of a callee here, now
}

// Counts tells what happened, for metrics.
func (d *Dealer) Counts() Counts {
	return Counts{
		Canceled: d.counts.canceled.Load(), TimedOut: d.counts.timedOut.Load(), Rerouted: d.counts.rerouted.Load(),
		Again:        d.counts.lost.Load(),
		RefusedCalls: d.counts.refusedCalls.Load(), RefusedRegistrations: d.counts.refusedRegistrations.Load(),
		Queued: int(d.counts.queued.Load()),
	}
}

// Peer is the dealer's side of one session. Its exported methods belong to the goroutine that
// reads the connection, except those of [cluster.Callee], Quiesce, Revoke, Bound and the counts.
type Peer struct {
	dealer  *Dealer
	session *session.Session

	// Of the reading goroutine: what is handed to the cluster, here so that it costs no
	// allocation.
	call     cluster.Call
	answer   cluster.Answer
	dict     []byte
	identity identity
	calls    ring.Ring[wamp.ID, *call] // by request; those that are over are forgotten
	patience session.Patience
	crowded  bool // a wait for calls to end was in vain

	callsOpen atomic.Int64
	awaited   atomic.Bool   // the reading goroutine waits for a call to end,
	ended     chan struct{} // which is told here
	results   atomic.Uint64 // calls that ended in RESULT
	failures  atomic.Uint64 // calls that ended in ERROR

	mu            sync.Mutex
	gone          bool    // the session ended
	quiet         bool    // it is about to be told to leave
	last          wamp.ID // of the invocations: 1, 2, 3 … (WAMP basic profile, "IDs")
	invocations   ring.Ring[wamp.ID, invocation]
	registrations map[wamp.ID]*registration
	waiting       int           // calls that wait for REGISTERED or for the concurrency of a registration
	room          chan struct{} // not nil while somebody waits for fewer of them; closed then
}

// Join makes the dealer's side of a session.
func (d *Dealer) Join(s *session.Session) *Peer {
	p := &Peer{dealer: d, session: s}
	p.calls.Forget = over
	if d.limits.CallsInFlight > 0 {
		p.ended = make(chan struct{}, 1)
	}
	return p
}

// Open counts the calls by this session that have no answer yet, and the invocations that this
// session has not answered yet.
func (p *Peer) Open() (calls, invocations int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.callsOpen.Load()), p.invocations.Len() + p.waiting
}

// Answered counts the calls of this session that ended, in RESULT and in ERROR.
func (p *Peer) Answered() (results, failures uint64) {
	return p.results.Load(), p.failures.Load()
}

// messages recycles outgoing messages where the sender is not the goroutine that reads a
// connection: they would be allocated, since a connection is behind an interface.
var messages = sync.Pool{New: func() any { return new(wamp.Message) }}

func send(s *session.Session, via *backlog.Via, m wamp.Message) error {
	out := messages.Get().(*wamp.Message)
	*out = m
	err := s.SendVia(via, out)
	*out = wamp.Message{}
	messages.Put(out)
	return err
}

// sentence is a payload with one argument for people.
func sentence(text string) wamp.Payload {
	return wamp.MustPayload(wamp.MessagePack, []any{strings.ToValidUTF8(text, "?")}, nil)
}

func failure(uri, text string) *cluster.Answer {
	return &cluster.Answer{Error: uri, Payload: sentence(text)}
}
