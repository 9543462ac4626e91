package session

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Conn is what a session needs of a connection; transport.Conn has it.
type Conn interface {
	Format() wamp.Format
	Info() *transport.Info
	ReadMessage() ([]byte, error)
	Via() *backlog.Via
	Send(m *wamp.Message) error
	SendVia(via *backlog.Via, m *wamp.Message) error
	SendEncoded(message []byte) error
	Full() bool
	WaitRoom(ctx context.Context) error
	Close()
	CloseWith(code transport.CloseCode, reason string)
}

// Router admits sessions.
type Router interface {
	// Join decides on a HELLO. It gives the session an id, its access and a Peer, all
	// before it returns, or a *Refusal. It runs in the goroutine that reads the connection
	// and may take its time, until Session.Joining ends: it may ask the client with
	// Session.Challenge, and others elsewhere.
	Join(s *Session, hello Hello) (Peer, *Refusal)
}

// Peer is what dealer and broker keep for one session. Its methods are called from the
// goroutine that reads the connection.
type Peer interface {
	// Handle takes one message that is in order. The message aliases the connection's read
	// buffer: it is valid only during the call.
	Handle(m *wamp.Message)
	// Leave is called once, at the end, when no further message is handled.
	Leave()
}

// Dismissed is what a Peer may have besides.
type Dismissed interface {
	// Dismissed is called in a goroutine of its own when the router has said GOODBYE: what
	// the client answers from now on is not handled, and Leave comes only when the client
	// has said GOODBYE too, or after Config.GoodbyeTimeout. It may meet Leave.
	Dismissed()
}

// Config is the same for all sessions of a router.
type Config struct {
	// Agent stands in WELCOME.Details.agent.
	Agent string
	// HandshakeTimeout is how long a client may take from connecting to WELCOME, its
	// authentication included. Default 10 s.
	HandshakeTimeout time.Duration
	// GoodbyeTimeout is how long the router waits for the client's answer to its own
	// GOODBYE. Default 1 s.
	GoodbyeTimeout time.Duration
	Logger         *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.HandshakeTimeout <= 0 {
		c.HandshakeTimeout = 10 * time.Second
	}
	if c.GoodbyeTimeout <= 0 {
		c.GoodbyeTimeout = time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Session is one connected peer. ID and the identity are set by Router.Join and do not change
// afterwards.
type Session struct {
	ID       wamp.ID
	Realm    string
	Identity auth.Identity
	// Access is the current rules of the realm; it is replaced when they are reloaded.
	Access *atomic.Pointer[auth.Realm]

	cfg      Config
	conn     Conn
	format   wamp.Format
	ctx      context.Context
	protocol Protocol
	entering sync.Mutex // held while WELCOME is sent: what ends the session comes before or after
	// stopsAtGoodbye: see GoAway. With entering held.
	stopsAtGoodbye bool

	// Of the reading goroutine: the rules that role was looked up in, the peer, one message.
	deadline  time.Time
	handshake *time.Timer
	joining   context.Context // nil outside of Router.Join
	peer      Peer            // nil before the client is admitted
	rules     *auth.Realm
	role      *auth.Role
	in        wamp.Message
	continues bool
	asked     string // the method of the CHALLENGE
}

// New makes a session of a connection. ctx ends when the router stops.
func New(ctx context.Context, cfg Config, conn Conn) *Session {
	return &Session{cfg: cfg.withDefaults(), conn: conn, format: conn.Format(), ctx: ctx}
}

// Run serves the connection until it ends, and closes it.
func (s *Session) Run(router Router) {
	defer s.conn.Close()
	s.deadline = time.Now().Add(s.cfg.HandshakeTimeout)
	s.handshake = time.AfterFunc(s.cfg.HandshakeTimeout, s.handshakeExpired)
	defer s.handshake.Stop()

	farewell := s.serve(router)
	s.conn.Via().Flush()
	from := s.protocol.Closed()
	if s.peer != nil {
		s.peer.Leave()
	}
	if farewell != nil && from != leaving && from != closed {
		_ = s.conn.Send(farewell)
	}
}

// serve handles messages until the session is over, and returns what to say at the end.
func (s *Session) serve(router Router) *wamp.Message {
	m := &s.in
	for {
		step, refusal := s.receive(m)
		if !promises(m.Type) {
			s.conn.Via().Flush()
		}
		switch step {
		case Handle:
			s.peer.Handle(m)
		case Continue:
			s.continues = true
			s.peer.Handle(m)
			s.continues = false
		case Admit:
			refusal = s.admit(router, m)
		case Farewell:
			return goodbye(wamp.CloseGoodbyeAndOut)
		case Close:
			return nil
		}
		if refusal != nil && refusal.URI == wamp.CloseSystemShutdown && s.stopsAtGoodbye {
			s.conn.CloseWith(transport.CloseGoingAway, stopping)
			return nil
		}
		if refusal != nil {
			return s.abort(refusal)
		}
	}
}

// promises tells the messages whose handling sends by Session.Via, and flushes that before it waits.
// What is sent because of all others leaves at once.
func promises(t wamp.MessageType) bool {
	return t == wamp.Call || t == wamp.Yield || t == wamp.Error
}

// receive reads one message; with a refusal there is nothing to do but to leave.
func (s *Session) receive(m *wamp.Message) (Step, *Refusal) {
	frame, err := s.conn.ReadMessage()
	if err != nil {
		return Ignore, s.unreadable(err)
	}
	if err := wamp.Decode(s.format, frame, m); err != nil {
		return Ignore, &Refusal{URI: wamp.ErrProtocolViolation, Message: err.Error()}
	}
	step, err := s.protocol.Receive(m)
	if err != nil {
		return Ignore, &Refusal{URI: wamp.ErrProtocolViolation, Message: err.Error()}
	}
	return step, nil
}

// unreadable says what to answer when the connection gave no further message.
func (s *Session) unreadable(err error) *Refusal {
	var broken *transport.ProtocolError
	if errors.As(err, &broken) {
		return &Refusal{URI: wamp.ErrProtocolViolation, Message: broken.Reason}
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, transport.ErrClosed) {
		s.cfg.Logger.Debug("connection lost", "realm", s.Realm, "session", s.ID, "error", err)
	}
	return gone
}

// Goodbye ends the session from the router's side: GOODBYE with the reason, and the connection
// is closed when the client answered, or after GoodbyeTimeout. It returns at once and may be
// called at any time from any goroutine.
func (s *Session) Goodbye(reason string) { s.Kill(reason, "") }

// Kill is Goodbye with a message for the client, in Details, where it is not empty.
func (s *Session) Kill(reason, message string) {
	s.entering.Lock()
	defer s.entering.Unlock()
	switch {
	case s.protocol.Leaving():
		farewell := goodbye(reason)
		if message != "" {
			farewell.Dict = wamp.MustDict(s.format, map[string]any{"message": message})
		}
		_ = s.conn.Send(farewell)
		if p, ok := s.peer.(Dismissed); ok {
			go p.Dismissed()
		}
		time.AfterFunc(s.cfg.GoodbyeTimeout, s.conn.Close)
	case s.protocol.GiveUp():
		if message == "" {
			message = "the router closes the realm or is stopping"
		}
		_ = s.conn.Send(s.turnAway(&Refusal{URI: reason, Message: message}))
		s.conn.Close()
	}
}

// Abort ends an open session whose client broke the protocol in a way that only dealer or broker
// can see. From any goroutine; nothing is handled after it.
func (s *Session) Abort(message string) {
	if s.protocol.Violated() {
		_ = s.conn.Send(s.abort(&Refusal{URI: wamp.ErrProtocolViolation, Message: message}))
		s.conn.Close()
	}
}

// Send writes a message to the client, in the order of the calls; see transport.Conn.
func (s *Session) Send(m *wamp.Message) error { return s.conn.Send(m) }

// SendVia is Send because of a message that came in that way; see transport.Conn.
func (s *Session) SendVia(via *backlog.Via, m *wamp.Message) error { return s.conn.SendVia(via, m) }

// Via is where the messages of this session come in, for the goroutine that reads them; see
// transport.Conn.
func (s *Session) Via() *backlog.Via { return s.conn.Via() }

// SendEncoded is Send for a message that is encoded in Format already.
func (s *Session) SendEncoded(message []byte) error { return s.conn.SendEncoded(message) }

// Format is the serialization that the client speaks.
func (s *Session) Format() wamp.Format { return s.format }

// Full tells whether the client is slow to take what was sent.
func (s *Session) Full() bool { return s.conn.Full() }

// WaitRoom blocks until the client took some, is gone, or ctx ends.
func (s *Session) WaitRoom(ctx context.Context) error { return s.conn.WaitRoom(ctx) }

// Context ends when the router stops.
func (s *Session) Context() context.Context { return s.ctx }

// Open tells whether invocations may be sent to the client.
func (s *Session) Open() bool { return s.protocol.Open() }
