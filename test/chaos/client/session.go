package client

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

const (
	// joinPatience is how long a router may take to WELCOME.
	joinPatience = 2 * time.Second
	// lingering is how long a client waits for answers after GOODBYE; a router closes the
	// connection sooner.
	lingering = 3 * time.Second
)

// Handler is told what comes in a session, by the goroutine that reads the connection: it must not
// wait for anything.
type Handler interface {
	// Invoked is to be answered with Session.Yield or Session.Fail. The arguments are good until it
	// returns.
	Invoked(s *Session, invocation wamp.ID, arguments []byte)
	// Received is an event of a subscription.
	Received(s *Session, subscription wamp.ID, arguments []byte)
	// Revoked is an UNREGISTERED that was not asked for.
	Revoked(s *Session, registration wamp.ID)
}

// Session is one joined connection. Its methods may be called by any goroutine.
type Session struct {
	ID wamp.ID
	// Replica is the name of the router that it is connected to.
	Replica string
	Handler Handler
	nc      net.Conn
	wake    chan struct{}
	// dismissed is closed when the router said GOODBYE, ended when the connection is closed and
	// all requests have ended.
	dismissed, ended chan struct{}
	heard            atomic.Int64

	mu      sync.Mutex
	out     []byte
	last    wamp.ID
	open    map[wamp.ID]Receiver
	leaving bool // GOODBYE came, or was said
	over    bool
	why     error
}

// Join says HELLO on a new connection, and returns when the router said WELCOME.
func Join(ctx context.Context, nc net.Conn, replica, realm string, h Handler) (*Session, error) {
	s := &Session{
		Replica: replica, Handler: h, nc: nc, wake: make(chan struct{}, 1),
		dismissed: make(chan struct{}), ended: make(chan struct{}), open: map[wamp.ID]Receiver{},
	}
	deadline := time.Now().Add(joinPatience)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	_ = nc.SetDeadline(deadline)
	in := newInput(nc)
	if err := s.greet(in, realm); err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("joining at %s: %w", replica, err)
	}
	_ = nc.SetDeadline(time.Time{})
	s.heard.Store(time.Now().UnixNano())
	go s.write()
	go s.read(in)
	return s, nil
}

func (s *Session) greet(in *input, realm string) error {
	if _, err := s.nc.Write([]byte{magic, maxSize | messagePack, 0, 0}); err != nil {
		return err
	}
	if err := in.handshake(); err != nil {
		return err
	}
	hello := &wamp.Message{Type: wamp.Hello, URI: realm, Dict: wamp.MustDict(wamp.MessagePack, map[string]any{
		"roles": map[string]any{
			"caller": map[string]any{}, "subscriber": map[string]any{}, "publisher": map[string]any{},
			"callee": map[string]any{"features": map[string]any{"shared_registration": true, "registration_revocation": true}},
		},
	})}
	if _, err := s.nc.Write(appendFrame(nil, hello)); err != nil {
		return err
	}
	kind, frame, err := in.next()
	if err != nil {
		return err
	}
	var m wamp.Message
	if kind != messageFrame {
		return fmt.Errorf("a frame of kind %d came in place of WELCOME", kind)
	}
	if err := wamp.Decode(wamp.MessagePack, frame, &m); err != nil {
		return err
	}
	if m.Type != wamp.Welcome {
		return fmt.Errorf("the router answered HELLO with %s %s", m.Type, m.URI)
	}
	s.ID = m.ID
	return nil
}

// Dismissed is closed when the router has said GOODBYE.
func (s *Session) Dismissed() <-chan struct{} { return s.dismissed }

// Ended is closed when the connection is closed and each request has had its Answer.
func (s *Session) Ended() <-chan struct{} { return s.ended }

// Heard is when something was last read: the session was there at that time.
func (s *Session) Heard() time.Time { return time.Unix(0, s.heard.Load()) }

// Call calls a procedure. False: the session is over or the router said GOODBYE; then nothing was
// sent and the receiver is not told.
func (s *Session) Call(procedure string, arguments []byte, r Receiver) bool {
	return s.request(&wamp.Message{Type: wamp.Call, URI: procedure, Payload: payload(arguments)}, r)
}

// Register registers a procedure with an invocation policy. False as of Call.
func (s *Session) Register(procedure, policy string, r Receiver) bool {
	options := wamp.StartDict(wamp.MessagePack, nil)
	options.Str("invoke", policy)
	return s.request(&wamp.Message{Type: wamp.Register, URI: procedure, Dict: options.Dict()}, r)
}

// Unregister ends a registration. False as of Call.
func (s *Session) Unregister(registration wamp.ID, r Receiver) bool {
	return s.request(&wamp.Message{Type: wamp.Unregister, ID: registration}, r)
}

// Subscribe subscribes to a topic. False as of Call.
func (s *Session) Subscribe(topic string, r Receiver) bool {
	return s.request(&wamp.Message{Type: wamp.Subscribe, URI: topic}, r)
}

// Publish publishes an event and asks for no answer. False when the session is over or leaving.
func (s *Session) Publish(topic string, arguments []byte) bool {
	return s.request(&wamp.Message{Type: wamp.Publish, URI: topic, Payload: payload(arguments)}, nil)
}

// Yield answers an invocation.
func (s *Session) Yield(invocation wamp.ID, arguments []byte) {
	s.send(&wamp.Message{Type: wamp.Yield, Request: invocation, Payload: payload(arguments)})
}

// Fail answers an invocation with an error.
func (s *Session) Fail(invocation wamp.ID, uri string) {
	s.send(&wamp.Message{Type: wamp.Error, Of: wamp.Invocation, Request: invocation, URI: uri})
}

// Leave says GOODBYE, as a client that has no more to do.
func (s *Session) Leave() {
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	s.send(&wamp.Message{Type: wamp.Goodbye, URI: wamp.CloseNormal})
}

// Break closes the connection without a word, as a client does whose machine fails.
func (s *Session) Break() { _ = s.nc.Close() }

func payload(arguments []byte) wamp.Payload {
	return wamp.Payload{Format: wamp.MessagePack, Args: arguments}
}

func (s *Session) request(m *wamp.Message, r Receiver) bool {
	s.mu.Lock()
	if s.over || s.leaving {
		s.mu.Unlock()
		return false
	}
	s.last++
	m.Request = s.last
	if r != nil {
		s.open[m.Request] = r
	}
	s.out = appendFrame(s.out, m)
	s.mu.Unlock()
	s.flush()
	return true
}

func (s *Session) send(m *wamp.Message) {
	s.mu.Lock()
	s.out = appendFrame(s.out, m)
	s.mu.Unlock()
	s.flush()
}

func (s *Session) flush() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
