package interop

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

type (
	list = []any
	dict = map[string]any
)

// session is a session that a driver opened.
type session struct {
	t       *testing.T
	d       *driver
	id      int
	reports chan report
	// details are session (the WAMP id), authid, authrole, authmethod, as far as the library
	// tells them.
	details dict
}

// tryJoin opens a session, or returns why it was refused.
func tryJoin(t *testing.T, d *driver, how join) (*session, *report) {
	t.Helper()
	id, reports := d.do(command{Op: "join", Join: &how})
	r := await(t, "joining "+how.URL, reports)
	if r.Kind != "done" {
		return nil, &r
	}
	s := &session{t: t, d: d, id: id, reports: reports, details: r.Details}
	t.Cleanup(s.leave)
	return s, nil
}

func (s *session) wampID() float64 {
	id, ok := s.details["session"].(float64)
	if !ok {
		s.t.Fatalf("the library told no session id: %v", s.details)
	}
	return id
}

// leave closes the session, unless the router did; it is waited for.
func (s *session) leave() {
	_, reports := s.d.do(command{Op: "leave", Of: s.id})
	select {
	case <-reports:
	case <-time.After(patience):
		s.t.Errorf("leaving the realm: nothing within %v", patience)
	}
}

// closed waits until the router closed the session and returns the reason.
func (s *session) closed() string {
	s.t.Helper()
	for {
		if r := await(s.t, "waiting to be closed", s.reports); r.Kind == "closed" {
			return r.URI
		}
	}
}

// call is a CALL under way.
type call struct {
	s       *session
	id      int
	uri     string
	reports chan report
}

func (s *session) begin(uri string, args list, kwargs, options dict) *call {
	id, reports := s.d.do(command{Op: "call", Of: s.id, URI: uri, Args: args, Kwargs: kwargs, Options: options})
	return &call{s: s, id: id, uri: uri, reports: reports}
}

// next is the next progressive result, or the end of the call.
func (c *call) next() report {
	c.s.t.Helper()
	return await(c.s.t, "waiting for an answer of "+c.uri, c.reports)
}

// end skips progressive results.
func (c *call) end() report {
	c.s.t.Helper()
	for {
		if r := c.next(); r.Kind != "progress" {
			return r
		}
	}
}

func (c *call) cancel(mode string) {
	c.s.d.do(command{Op: "cancel", Of: c.id, Options: dict{"mode": mode}})
}

// call makes a call that has to succeed.
func (s *session) call(uri string, args list, kwargs, options dict) report {
	s.t.Helper()
	r := s.begin(uri, args, kwargs, options).end()
	if r.Kind != "done" {
		s.t.Fatalf("calling %s: %s %s %v", uri, r.URI, r.Message, r.Args)
	}
	return r
}

// ask makes a call without arguments that has to succeed, and returns the first result.
func (s *session) ask(uri string, args ...any) any {
	s.t.Helper()
	if r := s.call(uri, args, nil, nil); len(r.Args) > 0 {
		return r.Args[0]
	}
	return nil
}

// refused fails the test unless a call ends in ERROR with the URI.
func (s *session) refused(want, uri string, args ...any) report {
	s.t.Helper()
	r := s.begin(uri, args, nil, nil).end()
	if r.Kind != "failed" || r.URI != want {
		s.t.Errorf("calling %s was answered by %s %s %s %v, want ERROR %s", uri, r.Kind, r.URI, r.Message, r.Args, want)
	}
	return r
}

// invocation is what a callee got.
type invocation struct {
	report
	s *session
	// interrupted is closed by INTERRUPT.
	interrupted chan struct{}
}

func (i *invocation) answer(args list, kwargs dict) {
	i.s.d.do(command{Op: "answer", Of: i.ID, Number: i.Number, Args: args, Kwargs: kwargs})
}

func (i *invocation) progress(args ...any) {
	i.s.d.do(command{Op: "answer", Of: i.ID, Number: i.Number, Args: args, Progress: true})
}

func (i *invocation) fail(uri string, args list, kwargs dict) {
	i.s.d.do(command{Op: "answer", Of: i.ID, Number: i.Number, Error: uri, Args: args, Kwargs: kwargs})
}

// registration is a procedure that a session has registered.
type registration struct {
	s       *session
	id      int
	details dict
	// revoked gets the reason when the router takes the registration away.
	revoked chan string
	open    map[int]*invocation
}

func (s *session) tryRegister(uri string, options dict, handle func(*invocation)) (*registration, *report) {
	s.t.Helper()
	id, reports := s.d.do(command{Op: "register", Of: s.id, URI: uri, Options: options})
	r := await(s.t, "registering "+uri, reports)
	if r.Kind != "done" {
		return nil, &r
	}
	g := &registration{s: s, id: id, details: r.Details, revoked: make(chan string, 1), open: map[int]*invocation{}}
	go g.serve(reports, handle)
	s.t.Cleanup(func() { reports <- report{Kind: "stop"} })
	return g, nil
}

func (g *registration) serve(reports <-chan report, handle func(*invocation)) {
	for r := range reports {
		switch r.Kind {
		case "invocation":
			i := &invocation{report: r, s: g.s, interrupted: make(chan struct{})}
			g.open[r.Number] = i
			go handle(i)
		case "interrupt":
			if i := g.open[r.Number]; i != nil {
				close(i.interrupted)
			}
		case "revoked":
			g.revoked <- r.URI
		case "stop":
			return
		}
	}
}

func (s *session) register(uri string, options dict, handle func(*invocation)) *registration {
	s.t.Helper()
	g, refusal := s.tryRegister(uri, options, handle)
	if refusal != nil {
		s.t.Fatalf("registering %s: %s %s", uri, refusal.URI, refusal.Message)
	}
	return g
}

func (g *registration) unregister() {
	g.s.t.Helper()
	_, reports := g.s.d.do(command{Op: "unregister", Of: g.id})
	if r := await(g.s.t, "unregistering", reports); r.Kind != "done" {
		g.s.t.Fatalf("unregistering: %s %s", r.URI, r.Message)
	}
}

// echoes answers with what came.
func echoes(i *invocation) { i.answer(i.Args, i.Kwargs) }

// says answers with a name and the details of the invocation.
func says(name string) func(*invocation) {
	return func(i *invocation) { i.answer(list{name}, i.Details) }
}

// subscription is a topic that a session has subscribed to.
type subscription struct {
	s       *session
	id      int
	topic   string
	reports chan report
	details dict
}

func (s *session) subscribe(topic string, options dict) *subscription {
	s.t.Helper()
	id, reports := s.d.do(command{Op: "subscribe", Of: s.id, URI: topic, Options: options})
	early := []report{}
	for {
		r := await(s.t, "subscribing to "+topic, reports)
		if r.Kind == "event" { // some drivers tell of a retained event before SUBSCRIBED
			early = append(early, r)
			continue
		}
		if r.Kind != "done" {
			s.t.Fatalf("subscribing to %s: %s %s", topic, r.URI, r.Message)
		}
		for _, e := range early {
			reports <- e
		}
		return &subscription{s: s, id: id, topic: topic, reports: reports, details: r.Details}
	}
}

func (u *subscription) unsubscribe() {
	u.s.t.Helper()
	_, reports := u.s.d.do(command{Op: "unsubscribe", Of: u.id})
	if r := await(u.s.t, "unsubscribing", reports); r.Kind != "done" {
		u.s.t.Fatalf("unsubscribing: %s %s", r.URI, r.Message)
	}
}

// next is the next event.
func (u *subscription) next() report {
	u.s.t.Helper()
	return await(u.s.t, "waiting for an event of "+u.topic, u.reports)
}

// hears fails the test unless the next event has these arguments.
func (u *subscription) hears(args ...any) report {
	u.s.t.Helper()
	r := u.next()
	if !reflect.DeepEqual(r.Args, args) {
		u.s.t.Errorf("an event of %s has the arguments %v, want %v", u.topic, r.Args, args)
	}
	return r
}

func (s *session) tryPublish(topic string, args list, kwargs, options dict) report {
	s.t.Helper()
	with := dict{"acknowledge": true}
	for key, value := range options {
		with[key] = value
	}
	_, reports := s.d.do(command{Op: "publish", Of: s.id, URI: topic, Args: args, Kwargs: kwargs, Options: with})
	return await(s.t, "publishing to "+topic, reports)
}

// publish publishes with acknowledge, and waits for it.
func (s *session) publish(topic string, args list, kwargs, options dict) report {
	s.t.Helper()
	r := s.tryPublish(topic, args, kwargs, options)
	if r.Kind != "done" {
		s.t.Fatalf("publishing to %s: %s %s", topic, r.URI, r.Message)
	}
	return r
}

// same fails the test unless two values are the same as JSON has them.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
