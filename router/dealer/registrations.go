package dealer

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// registration is one procedure that the session registered or is registering. The cluster may
// route calls to it a moment before it says that all replicas know it.
type registration struct {
	confirmed      bool // REGISTERED was written
	requests       int  // REGISTERs that wait for the cluster
	forwardTimeout bool // the callee minds the timeouts of calls
	discloseCaller bool // the callee wants to know who calls
	asked          int  // the concurrency that the callee asked for; 0 is none
	limit          int  // the one that holds, see Dealer.bound
	open           int  // invocations of it
	queue          []*waiting
	queuedBytes    int
}

// Register handles REGISTER.
func (p *Peer) Register(m *wamp.Message) {
	s, request := p.session, m.Request
	refuse := func(uri, sentence string) { s.Refuse(wamp.Register, request, uri, sentence) }
	options, err := parseRegister(m.Dict)
	if err != nil {
		refuse(wamp.ErrInvalidArgument, err.Error())
		return
	}
	if err := procedureURI(m.URI, options.match); err != nil {
		refuse(wamp.ErrInvalidURI, err.Error())
		return
	}
	if !s.AllowedPattern(auth.Register, options.match, m.URI) {
		s.NotAuthorized(wamp.Register, request, auth.Register, m.URI)
		return
	}
	if options.discloseCaller && !s.AllowedPattern(auth.Disclose, options.match, m.URI) {
		refuse(wamp.ErrOptionDisallowedDiscloseMe, notDisclosed(s.Identity.Role.Name, "disclose_caller", m.URI))
		return
	}
	if options.takeOver && !s.Allowed(auth.Call, removeCallee) {
		refuse(wamp.ErrNotAuthorized, fmt.Sprintf(
			"the role %q may not use the option force_reregister: a permission to call %s would allow it", s.Identity.Role.Name, removeCallee))
		return
	}
	reg := cluster.Registration{
		URI: strings.Clone(m.URI), Match: options.match, Invoke: options.invoke, Flags: options.flags(), Session: s.ID, Callee: p,
	}
	id := cluster.RegistrationID(p.dealer.name, reg.Match, reg.URI)
	if err := p.begin(id, &options); err != nil {
		refuse(wamp.ErrUnavailable, err.Error())
		return
	}
	if options.takeOver {
		p.takeOver(id, request, &reg, &options)
		return
	}
	p.dealer.realm.Register(reg, func(_ wamp.ID, err error) { p.registered(id, request, &options, err) })
}

// begin takes note of a registration before the cluster can route calls to it; an error when the
// session may register no more.
func (p *Peer) begin(id wamp.ID, options *registerOptions) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.quiet {
		return errors.New("the router is stopping: register at another replica")
	}
	reg := p.registrations[id]
	if reg == nil {
		if most := p.dealer.limits.Registrations; most > 0 && len(p.registrations) >= most {
			p.dealer.counts.refusedRegistrations.Add(1)
			return fmt.Errorf("the session has %d registrations, as many as this router allows: unregister some, or register patterns", most)
		}
		if p.registrations == nil {
			p.registrations = make(map[wamp.ID]*registration)
		}
		reg = &registration{}
		p.apply(id, reg, options)
		p.registrations[id] = reg
	}
	reg.requests++
	return nil
}

// apply takes the options of the newest REGISTER.
func (p *Peer) apply(id wamp.ID, r *registration, o *registerOptions) {
	r.asked = int(min(o.concurrency, math.MaxInt32))
	r.limit = p.dealer.bound(id, r.asked)
	r.forwardTimeout, r.discloseCaller = o.forwardTimeout, o.discloseCaller
}

// registered answers a REGISTER, and then writes the invocations that had to wait for it.
func (p *Peer) registered(id, request wamp.ID, options *registerOptions, err error) {
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
		p.apply(id, reg, options)
		_ = send(p.session, nil, wamp.Message{Type: wamp.Registered, Request: request, ID: id})
	}
	failed := p.dispatch(reg)
	var back []*waiting
	if !reg.confirmed && reg.requests == 0 {
		back = p.remove(id)
	}
	p.mu.Unlock()
	p.unfitAll(failed)
	p.handBack(back)
}

// remove forgets a registration, unless it is being registered again, and gives what waited for
// it; called with mu held.
func (p *Peer) remove(id wamp.ID) []*waiting {
	reg := p.registrations[id]
	if reg == nil || reg.requests > 0 {
		return nil
	}
	delete(p.registrations, id)
	return p.drop(reg)
}

// Unregister handles UNREGISTER.
func (p *Peer) Unregister(m *wamp.Message) {
	id, request := m.ID, m.Request
	p.dealer.realm.Unregister(p.session.ID, id, func(err error) { p.unregistered(id, request, err) })
}

func (p *Peer) unregistered(id, request wamp.ID, err error) {
	p.mu.Lock()
	if p.gone {
		p.mu.Unlock()
		return
	}
	if err != nil {
		p.refused(wamp.Unregister, request, err)
		p.mu.Unlock()
		return
	}
	back := p.remove(id)
	_ = send(p.session, nil, wamp.Message{Type: wamp.Unregistered, Request: request})
	p.mu.Unlock()
	p.handBack(back)
}

// refused passes a refusal of the cluster on to the client.
func (p *Peer) refused(of wamp.MessageType, request wamp.ID, err error) {
	var refusal *cluster.Error
	if !errors.As(err, &refusal) {
		refusal = &cluster.Error{URI: wamp.ErrUnavailable, Message: err.Error()}
	}
	p.session.Refuse(of, request, refusal.URI, refusal.Message)
}

// procedureURI checks the URI, or the pattern, that a client registers.
func procedureURI(uri string, match cluster.Match) error {
	if err := wamp.ValidPattern(uri, match, false); err != nil {
		return err
	}
	if uri == "wamp" || strings.HasPrefix(uri, "wamp.") {
		return errors.New("URIs that begin with wamp. belong to the protocol: begin with a domain of your own, for example com.example.add")
	}
	return nil
}
