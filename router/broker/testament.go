package broker

import (
	"fmt"
	"slices"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Scope is when a testament is published (WAMP advanced profile, "Testaments"). Without session
// resumption both come at the end of the session, the detached ones first.
type Scope uint8

const (
	Destroyed Scope = iota
	Detached
)

// ParseScope reads the argument `scope`; empty is destroyed.
func ParseScope(s string) (Scope, error) {
	switch s {
	case "", "destroyed":
		return Destroyed, nil
	case "detached":
		return Detached, nil
	}
	return 0, fmt.Errorf("scope %q is not known: use destroyed or detached", s)
}

// testaments are those of one session. Only its reading goroutine looks at them.
type testaments struct {
	list  []testament // in the order in which they were added
	bytes int
	last  uint64
}

type testament struct {
	number uint64
	scope  Scope
	bytes  int
	event  *cluster.Event
}

// firstNumber is where the numbers of the testaments of a scope begin: they are as long as one
// another, and those that come first are the smaller ones.
var firstNumber = [...]uint64{Detached: 1 << 50, Destroyed: 1 << 51}

// AddTestament takes note of an event to publish when the session is gone, whether it ends, is lost,
// or its replica is. The options are those of PUBLISH; the payload and they are copied.
func (p *Peer) AddTestament(topic string, payload wamp.Payload, given wamp.Dict, scope Scope) *cluster.Error {
	o, err := parseOptions(given)
	if err != nil {
		return &cluster.Error{URI: wamp.ErrInvalidArgument, Message: "publish_options: " + err.Error()}
	}
	if o.passthru && !p.session.Has(session.PublisherPPT) {
		return &cluster.Error{URI: wamp.ErrInvalidArgument, Message: "publish_options: ppt_scheme is for publishers that announced payload_passthru_mode"}
	}
	if refusal := p.mayPublish(topic, &o); refusal != nil {
		return refusal
	}
	e := cluster.Event{Topic: topic, Publication: wamp.RandomID(), Payload: payload}
	p.describe(&e, &o, given)
	own := keep(&e)
	own.Everywhere = false
	t, limits := &p.testaments, &p.broker.limits
	size := keptSize(own)
	if len(t.list) >= limits.Testaments || t.bytes+size > limits.TestamentBytes {
		return &cluster.Error{URI: wamp.ErrUnavailable, Message: fmt.Sprintf(
			"the testaments of a session may be %d, of %d bytes in all: flush some first", limits.Testaments, limits.TestamentBytes)}
	}
	t.last++
	t.bytes += size
	number := firstNumber[scope] + t.last
	t.list = append(t.list, testament{number: number, scope: scope, bytes: size, event: own})
	p.broker.realm.SetTestament(cluster.Testament{
		Session: p.session.ID, Number: number, Content: encodeTestament(own, p.session.Identity.Role.Name, p.broker.clock.next()),
	})
	return nil
}

// FlushTestaments forgets those of a scope.
func (p *Peer) FlushTestaments(scope Scope) {
	t := &p.testaments
	t.list = slices.DeleteFunc(t.list, func(x testament) bool {
		if x.scope != scope {
			return false
		}
		t.bytes -= x.bytes
		p.broker.realm.RemoveTestament(p.session.ID, x.number)
		return true
	})
}

// publishTestaments publishes what the session left.
func (p *Peer) publishTestaments() {
	for _, scope := range []Scope{Detached, Destroyed} {
		for _, t := range p.testaments.list {
			if t.scope != scope || !p.session.Allowed(auth.Publish, t.event.Topic) {
				continue
			}
			if o, err := parseOptions(t.event.Options); err == nil {
				p.broker.publish(t.event, &o, nil)
			}
		}
	}
	p.testaments = testaments{}
}

// Testament delivers what a session left whose replica is gone, to the subscribers here; the other
// replicas do the same with theirs.
func (b *Broker) Testament(content []byte) {
	e, role, ok := decodeTestament(content)
	if !ok || b.access == nil || !b.access.Load().Role(role).Allows(auth.Publish, e.Topic) {
		return
	}
	if o, err := parseOptions(e.Options); err == nil {
		if e.Stamp > 0 { // else a replica of another version left it
			e.Stamp = b.due(e)
		}
		b.pass(e, &o, nil)
	}
}

// due gives a testament its place among the events that are kept of its topic: it is the last one. The
// replicas agree on the stamp when they keep the same events, because none of them asks its own clock.
func (b *Broker) due(e *cluster.Event) uint64 {
	stamp := e.Stamp
	b.retained.mu.RLock()
	stamp = max(stamp, b.retained.newest(e.Topic)+1)
	known := b.retained.stampOf(e)
	b.retained.mu.RUnlock()
	newest, remembered := b.history.Load().newest(e)
	if known = max(known, remembered); known > 0 {
		return known // another replica handed it over already
	}
	return max(stamp, newest+1)
}

// A testament travels as one MessagePack dictionary, with the parts of its event as they are, and the
// time when it was left.
func encodeTestament(e *cluster.Event, role string, stamp uint64) []byte {
	d := wamp.MustDict(wamp.MessagePack, map[string]any{
		"topic": e.Topic, "publication": uint64(e.Publication), "role": role, "stamp": stamp,
		"format":  uint64(e.Payload.Format),
		"details": e.Details.Raw, "details_format": uint64(e.Details.Format),
		"options": e.Options.Raw, "options_format": uint64(e.Options.Format),
		"args": e.Payload.Args, "kwargs": e.Payload.Kwargs,
	})
	return d.Raw
}

func decodeTestament(content []byte) (e *cluster.Event, role string, ok bool) {
	d := wamp.Dict{Format: wamp.MessagePack, Raw: content}
	fields, err := d.Decode()
	if err != nil {
		return nil, "", false
	}
	raw := func(key string) []byte {
		b, _ := fields[key].([]byte)
		if len(b) == 0 {
			return nil
		}
		return b
	}
	number := func(key string) uint64 {
		n, _ := fields[key].(int64)
		return uint64(n)
	}
	e = &cluster.Event{
		Publication: wamp.ID(number("publication")),
		Stamp:       number("stamp"),
		Details:     wamp.Dict{Format: wamp.Format(number("details_format")), Raw: raw("details")},
		Options:     wamp.Dict{Format: wamp.Format(number("options_format")), Raw: raw("options")},
		Payload:     wamp.Payload{Format: wamp.Format(number("format")), Args: raw("args"), Kwargs: raw("kwargs")},
	}
	e.Topic, _ = fields["topic"].(string)
	role, _ = fields["role"].(string)
	return e, role, e.Topic != ""
}
