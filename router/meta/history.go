package meta

import (
	"time"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/broker"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// getEvents gives what is remembered of a subscription (WAMP advanced profile, "Event History"), an
// argument for each event. The argument is_limit_reached tells that older ones were forgotten.
func (m *Meta) getEvents(a *arguments) (result, error) {
	id, err := a.id(0, "subscription", true)
	if err != nil {
		return result{}, err
	}
	var match wamp.Match
	var uri string
	if s, ok := m.realm.Subscription(id); ok {
		match, uri = s.Match, s.Topic
	} else if match, uri, ok = m.broker.RememberedBy(id); !ok {
		return result{}, noSuchSubscription(id)
	}
	if !a.caller.Allowed(auth.Subscribe, uri) {
		return result{}, &cluster.Error{URI: wamp.ErrNotAuthorized, Message: a.caller.Denied(auth.Subscribe, uri)}
	}
	filter, err := a.filter()
	if err != nil {
		return result{}, err
	}
	events, full := m.broker.History(a.caller, match, uri, filter)
	r := result{args: []any{}, kwargs: map[string]any{"is_limit_reached": full}}
	for _, e := range events {
		if said := say(e, id, match); said != nil {
			r.args = append(r.args, said)
		}
	}
	return r, nil
}

// filter reads which events are wanted. The limit may also be in the second place.
func (a *arguments) filter() (f broker.Filter, err error) {
	read := func(errs ...error) error {
		for _, e := range errs {
			if e != nil {
				return e
			}
		}
		return nil
	}
	id := func(name string, to *wamp.ID) (err error) {
		*to, err = a.id(named, name, false)
		return err
	}
	at := func(name string, to *time.Time) (err error) {
		*to, err = a.time(named, name)
		return err
	}
	var errLimit, errReverse, errTopic error
	f.Limit, errLimit = a.count(1, "limit")
	f.Reverse, errReverse = a.boolean(named, "reverse")
	f.Topic, _, errTopic = a.str(named, "topic", false)
	return f, read(
		errLimit, errReverse, errTopic,
		at("from_time", &f.FromTime), at("after_time", &f.AfterTime),
		at("before_time", &f.BeforeTime), at("until_time", &f.UntilTime),
		id("from_publication", &f.FromPublication), id("after_publication", &f.AfterPublication),
		id("before_publication", &f.BeforePublication), id("until_publication", &f.UntilPublication),
	)
}

// say tells an event as the WAMP text wants it.
func say(e *cluster.Event, subscription wamp.ID, match wamp.Match) map[string]any {
	details, err := e.Details.Decode()
	if err != nil {
		return nil
	}
	args, kwargs, err := e.Payload.Decode()
	if err != nil {
		return nil
	}
	if match != wamp.Exact {
		details["topic"] = e.Topic
	}
	said := map[string]any{
		"timestamp": moment(time.UnixMicro(int64(e.Stamp))), "subscription": uint64(subscription),
		"publication": uint64(e.Publication), "details": details,
	}
	if args != nil {
		said["args"] = args
	}
	if kwargs != nil {
		said["kwargs"] = kwargs
	}
	return said
}
