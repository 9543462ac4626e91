package dealer

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Realm is what the dealer asks of the cluster; *cluster.Realm does it.
type Realm interface {
	Register(reg cluster.Registration, done func(id wamp.ID, err error))
	Unregister(session, registration wamp.ID, done func(err error))
	Call(c *cluster.Call) cluster.Waiter
}

// Dealer is the dealer of one realm on this replica.
type Dealer struct {
	realm Realm
	name  string
}

// New makes the dealer of a realm.
func New(name string, realm Realm) *Dealer { return &Dealer{realm: realm, name: name} }

// Peer is the dealer's side of one session. Its exported methods belong to the goroutine that
// reads the connection, except those of [cluster.Callee] and the counts.
type Peer struct {
	dealer  *Dealer
	session *session.Session

	// Of the reading goroutine: what is handed to the cluster, here so that it costs no
	// allocation.
	call     cluster.Call
	answer   cluster.Answer
	patience session.Patience // with this client, when it does not take its results

	callsOpen atomic.Int64
	results   atomic.Uint64 // calls that ended in RESULT
	failures  atomic.Uint64 // calls that ended in ERROR

	mu            sync.Mutex
	gone          bool    // the session ended
	quiet         bool    // it is about to be told to leave
	last          wamp.ID // of the invocations: 1, 2, 3 … (WAMP basic profile, "IDs")
	pending       map[wamp.ID]cluster.Caller
	registrations map[wamp.ID]*registration
	held          int // invocations that wait for their REGISTERED
}

// Join makes the dealer's side of a session.
func (d *Dealer) Join(s *session.Session) *Peer { return &Peer{dealer: d, session: s} }

// Open counts the calls by this session that have no answer yet, and the invocations that this
// session has not answered yet.
func (p *Peer) Open() (calls, invocations int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.callsOpen.Load()), len(p.pending) + p.held
}

// Answered counts the calls of this session that ended, in RESULT and in ERROR.
func (p *Peer) Answered() (results, failures uint64) {
	return p.results.Load(), p.failures.Load()
}

// messages recycles outgoing messages where the sender is not the goroutine that reads a
// connection: they would be allocated, since a connection is behind an interface.
var messages = sync.Pool{New: func() any { return new(wamp.Message) }}

func send(s *session.Session, m wamp.Message) error {
	out := messages.Get().(*wamp.Message)
	*out = m
	err := s.Send(out)
	*out = wamp.Message{}
	messages.Put(out)
	return err
}

// sentence is a payload with one argument for people.
func sentence(text string) wamp.Payload {
	return wamp.MustPayload(wamp.MessagePack, []any{strings.ToValidUTF8(text, "?")}, nil)
}
