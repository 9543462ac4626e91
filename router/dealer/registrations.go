package dealer

import (
	"errors"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// maxHeld is how many invocations wait for the REGISTERED messages of one session. Beyond that
// the callee counts as busy.
const (
	maxHeld   = 1024
	heldPause = 5 * time.Millisecond
)

// registration is one procedure that the session registered or is registering. The cluster may
// route calls to it a moment before it says that all replicas know it.
type registration struct {
	confirmed bool // REGISTERED was written
	requests  int  // REGISTERs that wait for the cluster
	held      []held
}

// held is an invocation that waits for REGISTERED.
type held struct {
	caller  cluster.Caller
	details wamp.Dict
	payload wamp.Payload
}

// Register handles REGISTER.
func (p *Peer) Register(m *wamp.Message) {
	s, request := p.session, m.Request
	refuse := func(uri, sentence string) { s.Refuse(wamp.Register, request, uri, sentence) }
	invoke, match, err := registerOptions(m.Dict)
	if err != nil {
		refuse(wamp.ErrInvalidArgument, err.Error())
		return
	}
	if err := procedureURI(m.URI); err != nil {
		refuse(wamp.ErrInvalidURI, err.Error())
		return
	}
	if !s.Allowed(auth.Register, m.URI) {
		s.NotAuthorized(wamp.Register, request, auth.Register, m.URI)
		return
	}
	reg := cluster.Registration{URI: strings.Clone(m.URI), Match: match, Invoke: invoke, Session: s.ID, Callee: p}
	id := cluster.RegistrationID(p.dealer.name, match, reg.URI)
	if !p.begin(id) {
		refuse(wamp.ErrUnavailable, "the router is stopping: register at another replica")
		return
	}
	p.dealer.realm.Register(reg, func(_ wamp.ID, err error) { p.registered(id, request, err) })
}

// begin takes note of a registration before the cluster can route calls to it; false when the
// session may register no more.
func (p *Peer) begin(id wamp.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.quiet {
		return false
	}
	if p.registrations == nil {
		p.registrations = make(map[wamp.ID]*registration)
	}
	if p.registrations[id] == nil {
		p.registrations[id] = &registration{}
	}
	p.registrations[id].requests++
	return true
}

// registered answers a REGISTER, and then writes the invocations that had to wait for it.
func (p *Peer) registered(id, request wamp.ID, err error) {
	p.mu.Lock()
	reg := p.registrations[id]
	if p.gone || reg == nil {
		p.mu.Unlock()
		return
	}
	reg.requests--
	if err != nil {
		p.refused(wamp.Register, request, err)
	} else {
		reg.confirmed = true
		_ = send(p.session, wamp.Message{Type: wamp.Registered, Request: request, ID: id})
	}
	var unsent []unsent
	if reg.confirmed || reg.requests == 0 {
		unsent = p.release(id, reg)
	}
	p.mu.Unlock()
	for _, u := range unsent { // without the lock: the answer goes to another session
		p.unfit(u.caller, u.err)
	}
}

// unsent is an invocation that was held and then could not be written.
type unsent struct {
	caller cluster.Caller
	err    error
}

// release writes the invocations that were held for a registration, once it is decided.
func (p *Peer) release(id wamp.ID, reg *registration) (failed []unsent) {
	waiting := reg.held
	reg.held = nil
	p.held -= len(waiting)
	if !reg.confirmed {
		delete(p.registrations, id)
	}
	for _, h := range waiting {
		err := cluster.ErrGone
		if reg.confirmed {
			err = p.invoke(id, h.caller, h.details, h.payload)
		}
		if err != nil {
			failed = append(failed, unsent{h.caller, err})
		}
	}
	return failed
}

// hold keeps an invocation until REGISTERED is written.
func (p *Peer) hold(reg *registration, d *cluster.Delivery, payload wamp.Payload) error {
	if p.held >= maxHeld {
		return cluster.ErrBusy
	}
	p.held++
	reg.held = append(reg.held, held{caller: d.Caller, details: d.Details.Clone(), payload: payload.Clone()})
	return nil
}

// Unregister handles UNREGISTER.
func (p *Peer) Unregister(m *wamp.Message) {
	id, request := m.ID, m.Request
	p.dealer.realm.Unregister(p.session.ID, id, func(err error) { p.unregistered(id, request, err) })
}

func (p *Peer) unregistered(id, request wamp.ID, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	if err != nil {
		p.refused(wamp.Unregister, request, err)
		return
	}
	if reg := p.registrations[id]; reg != nil && reg.requests == 0 {
		delete(p.registrations, id)
	}
	_ = send(p.session, wamp.Message{Type: wamp.Unregistered, Request: request})
}

// refused passes a refusal of the cluster on to the client.
func (p *Peer) refused(of wamp.MessageType, request wamp.ID, err error) {
	var refusal *cluster.Error
	if !errors.As(err, &refusal) {
		refusal = &cluster.Error{URI: wamp.ErrUnavailable, Message: err.Error()}
	}
	p.session.Refuse(of, request, refusal.URI, refusal.Message)
}

// registerOptions reads REGISTER.Options. Options that are not served are ignored, as the WAMP
// text asks; values that are not known are refused.
func registerOptions(options wamp.Dict) (cluster.Policy, cluster.Match, error) {
	var invoke cluster.Policy
	var match cluster.Match
	for key, value := range options.All() {
		var err error
		switch key {
		case "invoke":
			invoke, err = parseOption(key, value, cluster.ParsePolicy)
		case "match":
			match, err = parseOption(key, value, cluster.ParseMatch)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return invoke, match, nil
}

func parseOption[T any](key string, value wamp.Value, parse func(string) (T, error)) (T, error) {
	text, ok := value.Str()
	if !ok {
		var none T
		return none, errors.New("option " + key + " must be a string, not " + value.Kind())
	}
	return parse(text)
}

// procedureURI checks the URI of a procedure that a client registers.
func procedureURI(uri string) error {
	if err := wamp.ValidURI(uri, false); err != nil {
		return err
	}
	if uri == "wamp" || strings.HasPrefix(uri, "wamp.") {
		return errors.New("URIs that begin with wamp. belong to the protocol: begin with a domain of your own, for example com.example.add")
	}
	return nil
}
