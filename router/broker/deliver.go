package broker

import (
	"sync"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// delivery is one event on its way to the subscribers here. It is encoded once for each
// subscription id and serialization; a subscriber costs a copy of that, and no allocation.
type delivery struct {
	event    *cluster.Event
	audience *audience
	except   *Peer // the publisher, when it does not want its own event
	passthru bool
	counts   *counts

	said [wamp.CBOR + 1]said
	m    wamp.Message // the EVENT, but for what is in said

	// The last answer of mayReceive, which is the same for all sessions of a role.
	rules   *auth.Realm
	role    string
	allowed bool

	delivered uint64
	slow      *subscription // one that is slow to take the event, if any
}

// said is an event in one serialization.
type said struct {
	tried   bool
	err     error
	payload wamp.Payload
	details wamp.Dict
	// topic are the details with the topic, as subscribers to patterns get them.
	topic  wamp.Dict
	buffer []byte // of topic
	frame  []byte // the EVENT for the subscription at hand; empty: not encoded yet
}

// keptBuffer is the largest buffer that a delivery keeps for the next one.
const keptBuffer = 64 << 10

var deliveries = sync.Pool{New: func() any { return new(delivery) }}

// deliver writes an event to every subscriber here that may have it, and returns one that is slow to
// take it, if any. A subscriber whose serialization cannot say the event, or that takes no message
// of its size, goes without it.
func (b *Broker) deliver(e *cluster.Event, o *options, except *Peer) (slow *subscription) {
	var buf [8]*topic
	topics := b.find(e.Topic, buf[:0])
	if len(topics) == 0 {
		return nil
	}
	d := deliveries.Get().(*delivery)
	d.event, d.audience, d.except, d.counts = e, o.audience, except, &b.counts
	if len(e.Details.Raw) > 1 {
		_, d.passthru = e.Details.Get("ppt_scheme")
	}
	d.m = wamp.Message{Type: wamp.Event, Publication: e.Publication}
	for _, t := range topics {
		d.to(t)
	}
	if d.delivered > 0 {
		b.counts.delivered.Add(d.delivered)
	}
	slow = d.slow
	d.release()
	return slow
}

// release gives the delivery back, with its buffers and nothing else.
func (d *delivery) release() {
	d.event, d.audience, d.except, d.passthru, d.counts = nil, nil, nil, false, nil
	d.m, d.rules, d.delivered, d.slow = wamp.Message{}, nil, 0, nil
	for f := range d.said {
		if s := &d.said[f]; s.tried {
			*s = said{frame: reuse(s.frame), buffer: reuse(s.buffer)}
		}
	}
	deliveries.Put(d)
}

func reuse(buffer []byte) []byte {
	if cap(buffer) > keptBuffer {
		return nil
	}
	return buffer[:0]
}

// to writes the event to the subscribers of one topic or pattern.
func (d *delivery) to(t *topic) {
	for f := range d.said {
		d.said[f].frame = d.said[f].frame[:0]
	}
	d.m.ID = t.id
	subscribers := t.list()
	for _, s := range subscribers {
		if s.peer == d.except || !d.audience.admits(s.peer.session) || t.match != wamp.Exact && !d.mayReceive(s.peer.session) {
			continue
		}
		if d.passthru && !s.peer.session.Has(session.SubscriberPPT) {
			d.counts.drop(Passthru)
			continue
		}
		d.write(s, t.match != wamp.Exact, len(subscribers) > 1)
	}
}

// write writes it to one subscriber. What goes to several is encoded beforehand.
func (d *delivery) write(s *subscription, pattern, several bool) {
	to := s.peer.session
	said := d.in(to.Format())
	err := said.err
	s.mu.Lock()
	switch {
	case s.ended || !pattern && !s.permitted():
		s.mu.Unlock()
		return
	case err != nil:
	case several:
		if len(said.frame) == 0 {
			d.fill(said, pattern)
			said.frame = wamp.Append(said.frame, to.Format(), &d.m)
		}
		err = to.SendEncoded(said.frame)
	default:
		d.fill(said, pattern)
		err = to.Send(&d.m)
	}
	s.mu.Unlock()
	if err != nil {
		d.counts.drop(reasonOf(err))
		return
	}
	d.delivered++
	if to.Full() {
		d.slow = s
	} else {
		s.patience.Renew()
	}
}

// permitted tells whether the session may still subscribe to its topic. Called with mu held; while the
// rules are what they were the last time, it compares pointers.
func (s *subscription) permitted() bool {
	if rules := s.peer.session.Access.Load(); rules != s.rules {
		s.rules, s.allowed = rules, mayReceive(s.peer.session, s.uri)
	}
	return s.allowed
}

// in gives the event in a serialization, transcoding it once.
func (d *delivery) in(f wamp.Format) *said {
	s := &d.said[f]
	if !s.tried {
		s.tried = true
		if s.payload, s.err = d.event.Payload.In(f); s.err == nil {
			s.details, s.err = d.event.Details.In(f)
		}
	}
	return s
}

func (d *delivery) fill(s *said, pattern bool) {
	d.m.Payload, d.m.Dict = s.payload, s.details
	if !pattern {
		return
	}
	if s.topic.Raw == nil {
		s.topic = extend(s.details, s.payload.Format, s.buffer, func(w *wamp.DictWriter) { w.Str("topic", d.event.Topic) })
		s.buffer = s.topic.Raw
	}
	d.m.Dict = s.topic
}

// extend adds entries to details, in a buffer.
func extend(details wamp.Dict, f wamp.Format, buffer []byte, add func(*wamp.DictWriter)) wamp.Dict {
	w := wamp.StartDict(f, buffer[:0])
	for key, value := range details.All() {
		w.Value(key, value)
	}
	add(&w)
	return w.Dict()
}

// mayReceive tells whether the role of a subscriber to a pattern may subscribe to the topic of the
// event: a wide pattern must not give what a narrow permission takes.
func (d *delivery) mayReceive(s *session.Session) bool {
	rules, role := s.Access.Load(), s.Identity.Role.Name
	if d.rules == nil || d.rules != rules || d.role != role {
		d.rules, d.role = rules, role
		d.allowed = mayReceive(s, d.event.Topic)
	}
	return d.allowed
}
