// Package wamptest is a WAMP client for tests: small, strict, and close to the messages. It can
// also say what no good client would.
package wamptest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Timeout is how long a test waits for what must come.
const Timeout = 10 * time.Second

// Client is one session. Its methods may be called from any goroutine; those that wait fail the
// test when nothing comes within Timeout.
type Client struct {
	t    testing.TB
	conn transport.Conn
	ID   wamp.ID
	// Welcome is WELCOME.Details.
	Welcome map[string]any

	mu       sync.Mutex
	next     wamp.ID
	replies  map[wamp.ID]func(*Message)
	handlers map[wamp.ID]func(*Message) // by registration
	events   map[wamp.ID]func(*Message) // by subscription
	progress map[wamp.ID]func(*Message) // by request
	aside    map[wamp.MessageType]func(*Message)
	end      *Message // ABORT or GOODBYE
	done     chan struct{}
}

// Message is a decoded message that outlives its frame.
type Message struct {
	wamp.Message
	Args   []any
	Kwargs map[string]any
}

// Err is the ERROR that answered a request.
type Err struct {
	URI  string
	Args []any
}

func (e *Err) Error() string { return fmt.Sprintf("%s %v", e.URI, e.Args) }

// URI of an error that a request ended in; empty when it did not.
func URI(err error) string {
	var e *Err
	if errors.As(err, &e) {
		return e.URI
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// Dial connects without saying anything.
func Dial(t testing.TB, url string, f wamp.Format) transport.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Timeout)
	defer cancel()
	conn, err := transport.Dial(ctx, url, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Abort()
		<-conn.Done()
	})
	return conn
}

// Join connects and joins a realm.
func Join(t testing.TB, url, realm string, f wamp.Format) *Client {
	t.Helper()
	c, err := TryJoin(t, url, realm, f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TryJoin is Join where the router may refuse with ABORT.
func TryJoin(t testing.TB, url, realm string, f wamp.Format) (*Client, error) {
	t.Helper()
	return Enter(t, Dial(t, url, f), Hello(realm, f), nil)
}

// Enter says HELLO on a connection and answers what the router asks with authenticate.
func Enter(t testing.TB, conn transport.Conn, hello *wamp.Message, authenticate func(challenge *Message) *wamp.Message) (*Client, error) {
	t.Helper()
	if err := conn.Send(hello); err != nil {
		t.Fatal(err)
	}
	first := Read(t, conn)
	if first.Type == wamp.Challenge && authenticate != nil {
		if err := conn.Send(authenticate(first)); err != nil {
			t.Fatal(err)
		}
		first = Read(t, conn)
	}
	if first.Type != wamp.Welcome {
		return nil, &Err{URI: first.URI, Args: []any{Details(first)["message"]}}
	}
	c := &Client{
		t: t, conn: conn, ID: first.ID, Welcome: Details(first),
		replies: map[wamp.ID]func(*Message){}, handlers: map[wamp.ID]func(*Message){},
		events: map[wamp.ID]func(*Message){}, progress: map[wamp.ID]func(*Message){},
		aside: map[wamp.MessageType]func(*Message){}, done: make(chan struct{}),
	}
	go c.read()
	t.Cleanup(func() {
		conn.Abort()
		<-c.done
	})
	return c, nil
}

// Details decodes the dictionary of a message.
func Details(m *Message) map[string]any {
	details, err := m.Dict.Decode()
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return details
}

// Read reads one message from a connection that no client reads.
func Read(t testing.TB, conn transport.Conn) *Message {
	t.Helper()
	stuck := time.AfterFunc(Timeout, conn.Abort)
	defer stuck.Stop()
	m, err := read(conn)
	if err != nil {
		t.Fatalf("reading a message: %v", err)
	}
	return m
}

func read(conn transport.Conn) (*Message, error) {
	frame, err := conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	m := &Message{}
	if err := wamp.Decode(conn.Format(), append([]byte{}, frame...), &m.Message); err != nil {
		return nil, err
	}
	m.Args, m.Kwargs, err = m.Payload.Decode()
	return m, err
}

func (c *Client) read() {
	defer close(c.done)
	for {
		m, err := read(c.conn)
		if err != nil {
			return
		}
		c.dispatch(m)
	}
}

func (c *Client) dispatch(m *Message) {
	c.mu.Lock()
	var handle func(*Message)
	switch m.Type {
	case wamp.Invocation:
		handle = c.handlers[m.ID]
	case wamp.Event:
		handle = c.events[m.ID]
	case wamp.Goodbye, wamp.Abort:
		c.end = m
		c.mu.Unlock()
		if m.Type == wamp.Goodbye {
			_ = c.conn.Send(&wamp.Message{Type: wamp.Goodbye, URI: wamp.CloseGoodbyeAndOut})
		}
		c.conn.Close()
		return
	case wamp.Interrupt:
		if handle = c.aside[m.Type]; handle == nil {
			handle = func(*Message) {} // a client may well take no notice
		}
	default:
		if (m.Type == wamp.Unregistered || m.Type == wamp.Unsubscribed) && m.Request == 0 {
			handle = c.aside[m.Type]
			break
		}
		if m.Type == wamp.Result && Details(m)["progress"] == true {
			handle = c.progress[m.Request]
			break
		}
		reply := c.replies[m.Request]
		delete(c.replies, m.Request)
		delete(c.progress, m.Request)
		if reply == nil {
			c.t.Errorf("%v for request %d, which is not open", m.Type, m.Request)
		} else {
			reply(m)
		}
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	if handle == nil {
		c.t.Errorf("%v for %d, which this client does not have", m.Type, m.ID)
		return
	}
	handle(m)
}

// Start sends a request and gives the channel of its answer.
func (c *Client) Start(m *wamp.Message) <-chan *Message { return c.start(m, nil) }

// start also runs a function on the answer, before the next message is looked at.
func (c *Client) start(m *wamp.Message, then func(*Message)) <-chan *Message {
	answer := make(chan *Message, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	m.Request = c.next
	c.replies[m.Request] = func(got *Message) {
		if then != nil && got.Type != wamp.Error {
			then(got)
		}
		answer <- got
	}
	if c.conn.Send(m) != nil {
		close(answer)
		delete(c.replies, m.Request)
	}
	return answer
}

// StartOptions calls a procedure with options, and hands progressive results to a function in the
// goroutine that reads. It also gives the id of the request, for Cancel and More. Not while another
// goroutine sends requests.
func (c *Client) StartOptions(uri string, options map[string]any, progress func(*Message), args ...any) (wamp.ID, <-chan *Message) {
	m := &wamp.Message{Type: wamp.Call, Dict: c.dict(options), URI: uri, Payload: c.Payload(args...)}
	if progress != nil {
		c.mu.Lock()
		c.progress[c.next+1] = progress
		c.mu.Unlock()
	}
	answer := c.Start(m)
	return m.Request, answer
}

// More sends a further piece of a progressive call.
func (c *Client) More(request wamp.ID, uri string, last bool, args ...any) {
	_ = c.conn.Send(&wamp.Message{
		Type: wamp.Call, Request: request, Dict: c.dict(map[string]any{"progress": !last}), URI: uri, Payload: c.Payload(args...),
	})
}

// Cancel cancels a call.
func (c *Client) Cancel(request wamp.ID, options map[string]any) {
	_ = c.conn.Send(&wamp.Message{Type: wamp.Cancel, Request: request, Dict: c.dict(options)})
}

// On sets what to do with an INTERRUPT, or with the UNREGISTERED or UNSUBSCRIBED of what was
// revoked, in the goroutine that reads.
func (c *Client) On(of wamp.MessageType, handle func(*Message)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aside[of] = handle
}

// Await waits for the answer of a request.
func (c *Client) Await(reply <-chan *Message) (*Message, error) {
	c.t.Helper()
	select {
	case m, ok := <-reply:
		return answer(m, ok)
	case <-c.done:
		select { // the answer may have been the last message
		case m, ok := <-reply:
			return answer(m, ok)
		default:
		}
		return nil, errors.New("the session ended")
	case <-time.After(Timeout):
		c.t.Errorf("no answer within %v", Timeout)
		return nil, errors.New("no answer")
	}
}

func answer(m *Message, ok bool) (*Message, error) {
	if !ok {
		return nil, errors.New("the connection is closed")
	}
	if m.Type == wamp.Error {
		return nil, &Err{URI: m.URI, Args: m.Args}
	}
	return m, nil
}

func (c *Client) dict(m map[string]any) wamp.Dict { return wamp.MustDict(c.conn.Format(), m) }

// Payload encodes arguments.
func (c *Client) Payload(args ...any) wamp.Payload {
	if args == nil {
		args = []any{}
	}
	return wamp.MustPayload(c.conn.Format(), args, nil)
}

// Register registers a procedure. The handler runs in the goroutine that reads, so invocations
// are handled in their order; it answers with Yield or Fail.
func (c *Client) Register(uri string, options map[string]any, handle func(*Message)) (wamp.ID, error) {
	c.t.Helper()
	m := &wamp.Message{Type: wamp.Register, Dict: c.dict(options), URI: uri}
	got, err := c.Await(c.start(m, func(got *Message) { c.handlers[got.ID] = handle }))
	if err != nil {
		return 0, err
	}
	return got.ID, nil
}

// Subscribe subscribes to a topic.
func (c *Client) Subscribe(topic string, handle func(*Message)) (wamp.ID, error) {
	c.t.Helper()
	m := &wamp.Message{Type: wamp.Subscribe, URI: topic}
	got, err := c.Await(c.start(m, func(got *Message) { c.events[got.ID] = handle }))
	if err != nil {
		return 0, err
	}
	return got.ID, nil
}

// Unregister takes a registration back.
func (c *Client) Unregister(id wamp.ID) error {
	c.t.Helper()
	_, err := c.Await(c.Start(&wamp.Message{Type: wamp.Unregister, ID: id}))
	return err
}

// Unsubscribe takes a subscription back.
func (c *Client) Unsubscribe(id wamp.ID) error {
	c.t.Helper()
	_, err := c.Await(c.Start(&wamp.Message{Type: wamp.Unsubscribe, ID: id}))
	return err
}

// Call calls a procedure and waits for the result.
func (c *Client) Call(uri string, args ...any) (*Message, error) {
	c.t.Helper()
	return c.Await(c.StartCall(uri, args...))
}

// StartCall calls a procedure.
func (c *Client) StartCall(uri string, args ...any) <-chan *Message {
	return c.Start(&wamp.Message{Type: wamp.Call, URI: uri, Payload: c.Payload(args...)})
}

// Publish publishes and waits for the acknowledgement.
func (c *Client) Publish(topic string, options map[string]any, args ...any) (wamp.ID, error) {
	c.t.Helper()
	all := map[string]any{"acknowledge": true}
	for k, v := range options {
		all[k] = v
	}
	m, err := c.Await(c.Start(&wamp.Message{Type: wamp.Publish, Dict: c.dict(all), URI: topic, Payload: c.Payload(args...)}))
	if err != nil {
		return 0, err
	}
	return m.ID, nil
}

// Yield answers an invocation.
func (c *Client) Yield(invocation *Message, args ...any) {
	_ = c.conn.Send(&wamp.Message{Type: wamp.Yield, Request: invocation.Request, Payload: c.Payload(args...)})
}

// YieldOptions answers an invocation, finally or with progress.
func (c *Client) YieldOptions(invocation *Message, options map[string]any, args ...any) {
	_ = c.conn.Send(&wamp.Message{Type: wamp.Yield, Request: invocation.Request, Dict: c.dict(options), Payload: c.Payload(args...)})
}

// Fail answers an invocation with an error.
func (c *Client) Fail(invocation *Message, uri string, args ...any) {
	_ = c.conn.Send(&wamp.Message{Type: wamp.Error, Of: wamp.Invocation, Request: invocation.Request, URI: uri, Payload: c.Payload(args...)})
}

// Send sends anything.
func (c *Client) Send(m *wamp.Message) error { return c.conn.Send(m) }

// Kill drops the connection without a word.
func (c *Client) Kill() {
	c.conn.Abort()
	<-c.done
}

// End waits for the end of the session and gives the ABORT or GOODBYE that it ended with; nil
// when there was none.
func (c *Client) End() *Message {
	c.t.Helper()
	select {
	case <-c.done:
	case <-time.After(Timeout):
		c.t.Fatal("the session goes on")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// Tell publishes without waiting for anything.
func (c *Client) Tell(topic string, args ...any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	return c.conn.Send(&wamp.Message{Type: wamp.Publish, Request: c.next, URI: topic, Payload: c.Payload(args...)})
}

// Receive waits for a message that a handler passes on.
func Receive(t testing.TB, from <-chan *Message) *Message {
	t.Helper()
	select {
	case m := <-from:
		return m
	case <-time.After(Timeout):
		t.Fatalf("nothing came within %v", Timeout)
		return nil
	}
}
