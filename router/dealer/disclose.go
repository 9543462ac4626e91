package dealer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// identity keeps what INVOCATION.Details say of each call of a session, so that it is encoded once and
// not with each call: its trust level, and who it is where that is always said.
type identity struct {
	rules   *auth.Realm
	trust   uint64
	trusted bool
	plain   wamp.Dict
	named   wamp.Dict // empty until it is needed
}

// discloseAsDeclared gives p.call the INVOCATION.Details of a call without options.
func (p *Peer) discloseAsDeclared(may auth.Action) {
	if rules := p.session.Access.Load(); rules != p.identity.rules {
		p.identity = identity{rules: rules}
		if p.identity.trust, p.identity.trusted = p.session.TrustLevel(); p.identity.trusted {
			w := wamp.StartDict(p.session.Format(), nil)
			w.Uint("trustlevel", p.identity.trust)
			p.identity.plain = w.Dict()
		}
	}
	if may&auth.NameCaller == 0 {
		p.call.Details = p.identity.plain
		return
	}
	if len(p.identity.named.Raw) == 0 {
		w := wamp.StartDict(p.session.Format(), nil)
		p.writeIdentity(&w, true)
		p.identity.named = w.Dict()
	}
	p.call.Flags |= cluster.Disclosed
	p.call.Details = p.identity.named
}

// writeIdentity writes who calls, if it is to be said, and the trust level.
func (p *Peer) writeIdentity(w *wamp.DictWriter, disclose bool) {
	if disclose {
		writeCaller(w, p.session)
	}
	if p.identity.trusted {
		w.Uint("trustlevel", p.identity.trust)
	}
}

// callDetails are the INVOCATION.Details of a call with options. They are valid until the next
// call.
func (p *Peer) callDetails(options wamp.Dict, disclose, passthru bool) wamp.Dict {
	w := wamp.StartDict(p.session.Format(), p.dict[:0])
	p.writeIdentity(&w, disclose)
	if passthru {
		copyPassthru(&w, options)
	}
	d := w.Dict()
	p.dict = d.Raw
	return d
}

// describe implements cluster.Call.Describe: a callee wants to know who calls, or minds timeouts
// itself, or the call may be sent to several of them.
func describe(c *cluster.Call, flags cluster.RegistrationFlags) wamp.Dict {
	if flags&cluster.Idempotent != 0 {
		keepSpare(c)
	}
	caller, ok := c.Caller.(*call)
	if !ok {
		return c.Details
	}
	if flags&cluster.ForwardTimeout != 0 && caller.more != nil && c.Lost == 0 {
		caller.more.forwarded()
	}
	if flags&cluster.DiscloseCaller == 0 {
		return c.Details
	}
	if _, told := c.Details.Get("caller"); told {
		return c.Details
	}
	s := caller.peer.session
	w := wamp.StartDict(s.Format(), nil)
	writeCaller(&w, s)
	for key, value := range c.Details.All() {
		w.Value(key, value)
	}
	return w.Dict()
}

// writeCaller names the caller (WAMP advanced profile, "Caller Identification").
func writeCaller(w *wamp.DictWriter, s *session.Session) {
	w.Uint("caller", uint64(s.ID))
	w.Str("caller_authid", s.Identity.AuthID)
	w.Str("caller_authrole", s.Identity.Role.Name)
}

func notDisclosed(role, option, uri string) string {
	return fmt.Sprintf("the role %q may not use the option %s on %s: a permission with the action disclose would allow it", role, option, uri)
}

// invocationDetails adds to the details of a call what its callee decides.
func (p *Peer) invocationDetails(d *cluster.Delivery, reg *registration) wamp.Dict {
	progress := d.Flags&cluster.ReceiveProgress != 0 && p.session.Has(calleeProgress)
	timeout := d.Timeout > 0 && reg.forwardTimeout
	hidden := d.Flags&cluster.Disclosed == 0 && !reg.discloseCaller && namesCaller(d.Details)
	if d.URI == "" && d.Flags&cluster.Progress == 0 && !progress && !timeout && !hidden {
		return d.Details
	}
	w := wamp.StartDict(p.session.Format(), nil)
	if d.URI != "" {
		w.Str("procedure", d.URI)
	}
	if progress {
		w.Bool("receive_progress", true)
	}
	if d.Flags&cluster.Progress != 0 {
		w.Bool("progress", true)
	}
	if timeout {
		w.Uint("timeout", uint64(d.Timeout))
	}
	for key, value := range d.Details.All() {
		if !hidden || !isCaller(key) {
			w.Value(key, value)
		}
	}
	return w.Dict()
}

// isCaller tells whether it is one of the details that writeCaller writes.
func isCaller(key string) bool {
	return key == "caller" || key == "caller_authid" || key == "caller_authrole"
}

// namesCaller tells whether details say who calls: they do for all callees of a procedure when
// one of them asked, and it is the callee's replica that keeps it from the others.
func namesCaller(details wamp.Dict) bool {
	if !hasEntries(details) {
		return false
	}
	_, told := details.Get("caller")
	return told
}

// own copies a delivery, so that it outlives the call of Deliver.
func own(d *cluster.Delivery) cluster.Delivery {
	c := *d
	c.Via = nil
	c.URI, c.Details, c.Payload, c.Tried = strings.Clone(d.URI), d.Details.Clone(), d.Payload.Clone(), slices.Clone(d.Tried)
	return c
}
