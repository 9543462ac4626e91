package broker

import (
	"errors"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// subscriberRoom is how long a publisher waits, once, for a subscriber that is slow to take its
// events. One that stays slow is dropped by the limits of its connection.
const (
	subscriberRoom = 250 * time.Millisecond
	distantRoom    = 3 * time.Second // for a publisher on another replica
)

// Publish handles PUBLISH.
func (p *Peer) Publish(m *wamp.Message) {
	s := p.session
	o, err := parseOptions(m.Dict)
	if err == nil && o.passthru && !s.Has(session.PublisherPPT) {
		s.Abort("PUBLISH with ppt_scheme: the client did not announce HELLO.Details.roles.publisher.features.payload_passthru_mode")
		return
	}
	refusal := p.mayPublish(m.URI, &o)
	if err != nil {
		refusal = &cluster.Error{URI: wamp.ErrInvalidArgument, Message: err.Error()}
	}
	if refusal != nil {
		if o.acknowledge { // else the publisher does not want to know (WAMP basic profile, "PUBLISH")
			s.Refuse(wamp.Publish, m.Request, refusal.URI, refusal.Message)
		}
		return
	}
	p.event = cluster.Event{Topic: m.URI, Publication: wamp.RandomID(), Payload: m.Payload}
	p.describe(&p.event, &o, m.Dict)
	except := p
	if o.includeMe {
		except = nil
	}
	slow := p.broker.publish(&p.event, &o, except)
	if o.acknowledge {
		_ = s.Send(&wamp.Message{Type: wamp.Published, Request: m.Request, ID: p.event.Publication})
	}
	if slow != nil {
		slow.patience.Wait(s.Context(), slow.peer.session, subscriberRoom)
	}
}

// mayPublish tells why a publication is refused; nil when it is not. Where the publisher is always to be
// named, it is as if it had asked for that.
func (p *Peer) mayPublish(topic string, o *options) *cluster.Error {
	if err := publishURI(topic); err != nil {
		return &cluster.Error{URI: wamp.ErrInvalidURI, Message: err.Error()}
	}
	may := p.session.Actions(topic)
	if may&auth.Publish == 0 {
		return &cluster.Error{URI: wamp.ErrNotAuthorized, Message: p.session.Denied(auth.Publish, topic)}
	}
	o.disclose = o.disclose || may&auth.NamePublisher != 0
	if o.disclose && may&(auth.Disclose|auth.NamePublisher) == 0 {
		return &cluster.Error{URI: wamp.ErrOptionDisallowedDiscloseMe, Message: p.session.Denied(auth.Disclose, topic)}
	}
	return nil
}

// publishURI checks the URI of a topic that a client publishes to.
func publishURI(uri string) error {
	if err := wamp.ValidURI(uri, false); err != nil {
		return err
	}
	if uri == "wamp" || strings.HasPrefix(uri, "wamp.") {
		return errors.New("topics that begin with wamp. belong to the protocol: begin with a domain of your own")
	}
	return nil
}

// describe adds to an event what subscribers are told of it (Details) and what other replicas
// have to know (Options). Both are in the buffers of the peer.
func (p *Peer) describe(e *cluster.Event, o *options, given wamp.Dict) {
	s := p.session
	trust, trusted := s.TrustLevel()
	if o.disclose || trusted || o.passthru {
		w := wamp.StartDict(s.Format(), p.details[:0])
		if o.disclose {
			w.Uint("publisher", uint64(s.ID))
			w.Str("publisher_authid", s.Identity.AuthID)
			w.Str("publisher_authrole", s.Identity.Role.Name)
		}
		if trusted {
			w.Uint("trustlevel", trust)
		}
		if o.passthru {
			copyOptions(&w, given, "ppt_")
		}
		e.Details = w.Dict()
		p.details = e.Details.Raw
	}
	if !o.retain && o.audience == nil {
		return
	}
	w := wamp.StartDict(s.Format(), p.options[:0])
	if o.audience != nil {
		copyOptions(&w, given, "exclude", "eligible")
	}
	if o.retain {
		w.Bool("retain", true)
		if !o.includeMe {
			w.Uint(publisherOption, uint64(s.ID))
		}
	}
	e.Options = w.Dict()
	p.options = e.Options.Raw
}

// copyOptions copies the options whose names begin so.
func copyOptions(w *wamp.DictWriter, from wamp.Dict, prefixes ...string) {
	for key, value := range from.All() {
		for _, prefix := range prefixes {
			if strings.HasPrefix(key, prefix) && key != "exclude_me" {
				w.Value(key, value)
			}
		}
	}
}

// publish delivers an event here and hands it to the links to other replicas.
func (b *Broker) publish(e *cluster.Event, o *options, except *Peer) (slow *subscription) {
	slow = b.pass(e, o, except)
	b.realm.Publish(e)
	return slow
}

// pass keeps an event, if it is one to keep, and delivers it here. An event from this replica has no
// Stamp yet.
func (b *Broker) pass(e *cluster.Event, o *options, except *Peer) (slow *subscription) {
	history := b.history.Load()
	remember := history.wants(e.Topic) && !o.audience.bySession()
	if !o.retain && !remember {
		return b.deliver(e, o, except)
	}
	e.Everywhere = true
	if o.retain {
		b.retained.mu.Lock()
		if e.Stamp == 0 {
			e.Stamp = b.clock.after(b.retained.newest(e.Topic))
		}
		b.retained.put(e)
		slow = b.deliver(e, o, except)
		b.retained.mu.Unlock()
	} else {
		if e.Stamp == 0 {
			e.Stamp = b.clock.next()
		}
		slow = b.deliver(e, o, except)
	}
	if remember {
		history.add(e)
	}
	return slow
}
