package interop

import (
	"reflect"
	"strings"
)

var pubsubScenarios = []scenario{
	{"events with payload, acknowledged", func(r *run) {
		subscriber, publisher := r.far(), r.near()
		topic := subscriber.subscribe(r.uri("topic"), nil)
		done := publisher.publish(r.uri("topic"), list{"text", 1.5, nil, true}, dict{"key": list{1.0}}, nil)
		got := topic.hears("text", 1.5, nil, true)
		if !reflect.DeepEqual(got.Kwargs, dict{"key": list{1.0}}) {
			r.Errorf("the event has the keyword arguments %v", got.Kwargs)
		}
		if id := done.Details["publication"]; id != nil && got.Details["publication"] != nil {
			same(r.T, "the publication", got.Details["publication"], id)
		}
	}},
	{"events in the order of their publisher", func(r *run) {
		subscriber, publisher := r.far(), r.near()
		topic := subscriber.subscribe(r.uri("topic"), nil)
		for n := range 50 {
			publisher.d.do(command{Op: "publish", Of: publisher.id, URI: r.uri("topic"), Args: list{float64(n)}, Options: dict{"acknowledge": true}})
		}
		for n := range 50 {
			topic.hears(float64(n))
		}
	}},
	{"the publisher does not hear itself", func(r *run) {
		publisher, other := r.near(), r.far()
		own, others := publisher.subscribe(r.uri("topic"), nil), other.subscribe(r.uri("topic"), nil)
		publisher.publish(r.uri("topic"), list{"own"}, nil, nil)
		others.hears("own")
		other.publish(r.uri("topic"), list{"other"}, nil, nil)
		own.hears("other")
	}},
	{"exclude_me false", func(r *run) {
		publisher := r.near()
		own := publisher.subscribe(r.uri("topic"), nil)
		publisher.publish(r.uri("topic"), list{"own"}, nil, dict{"exclude_me": false})
		own.hears("own")
	}},
	{"only some sessions get an event", func(r *run) {
		publisher, a, b := r.near(), r.far(), r.near()
		hearsA, hearsB := a.subscribe(r.uri("topic"), nil), b.subscribe(r.uri("topic"), nil)
		publisher.publish(r.uri("topic"), list{"not for a"}, nil, dict{"exclude": list{a.wampID()}})
		publisher.publish(r.uri("topic"), list{"not for b"}, nil, dict{"exclude": list{b.wampID()}})
		publisher.publish(r.uri("topic"), list{"for a"}, nil, dict{"eligible": list{a.wampID()}})
		publisher.publish(r.uri("topic"), list{"for b"}, nil, dict{"eligible": list{b.wampID()}})
		publisher.publish(r.uri("topic"), list{"for a alone"}, nil, dict{"eligible": list{a.wampID(), b.wampID()}, "exclude": list{b.wampID()}})
		publisher.publish(r.uri("topic"), list{"end"}, nil, nil)
		for _, text := range []string{"not for b", "for a", "for a alone", "end"} {
			hearsA.hears(text)
		}
		for _, text := range []string{"not for a", "for b", "end"} {
			hearsB.hears(text)
		}
	}},
	{"only some users and roles get an event", func(r *run) {
		publisher := r.near()
		alice, bob := r.far(), r.near()
		if r.library.cannot["ticket"] == "" {
			publisher = r.user("alice", r.at.near)
			alice, bob = r.user("alice", r.at.far), r.user("bob", r.at.near)
		}
		hearsAlice, hearsBob := alice.subscribe(r.uri("topic"), nil), bob.subscribe(r.uri("topic"), nil)
		for _, options := range []dict{
			{"exclude_authid": list{"alice"}}, {"eligible_authid": list{"bob"}}, {"exclude_authrole": list{"staff"}}, {"eligible_authrole": list{"guest"}},
		} {
			publisher.publish(r.uri("topic"), list{"for bob"}, nil, options)
			hearsBob.hears("for bob")
		}
		for _, options := range []dict{
			{"exclude_authid": list{"bob"}}, {"eligible_authid": list{"alice"}}, {"exclude_authrole": list{"guest"}}, {"eligible_authrole": list{"staff"}},
		} {
			publisher.publish(r.uri("topic"), list{"for alice"}, nil, options)
			hearsAlice.hears("for alice")
		}
		publisher.publish(r.uri("topic"), list{"end"}, nil, nil)
		hearsAlice.hears("end")
		hearsBob.hears("end")
	}},
	{"prefix subscription", func(r *run) {
		subscriber, publisher := r.far(), r.near()
		topic := subscriber.subscribe(r.uri("prefix"), dict{"match": "prefix"})
		publisher.publish(r.uri("other"), list{"no"}, nil, nil)
		publisher.publish(r.uri("prefix.one"), list{"yes"}, nil, nil)
		same(r.T, "EVENT.Details.topic", topic.hears("yes").Details["topic"], r.uri("prefix.one"))
	}},
	{"wildcard subscription", func(r *run) {
		subscriber, publisher := r.far(), r.near()
		topic := subscriber.subscribe(r.uri("wildcard..end"), dict{"match": "wildcard"})
		publisher.publish(r.uri("wildcard.one.other"), list{"no"}, nil, nil)
		publisher.publish(r.uri("wildcard.one.end"), list{"yes"}, nil, nil)
		same(r.T, "EVENT.Details.topic", topic.hears("yes").Details["topic"], r.uri("wildcard.one.end"))
	}},
	{"the publisher discloses itself", func(r *run) {
		subscriber, publisher := r.far(), r.near()
		topic := subscriber.subscribe(r.uri("topic"), nil)
		publisher.publish(r.uri("topic"), list{"named"}, nil, dict{"disclose_me": true})
		same(r.T, "publisher", topic.hears("named").Details["publisher"], publisher.wampID())
		publisher.publish(r.uri("topic"), list{"not named"}, nil, nil)
		if d := topic.hears("not named").Details; d["publisher"] != nil {
			r.Errorf("a publisher that disclosed nothing was named: %v", d)
		}
	}},
	{"unsubscribe", func(r *run) {
		subscriber, publisher := r.far(), r.near()
		topic, other := subscriber.subscribe(r.uri("topic"), nil), subscriber.subscribe(r.uri("other"), nil)
		topic.unsubscribe()
		publisher.publish(r.uri("topic"), list{"late"}, nil, nil)
		publisher.publish(r.uri("other"), list{"end"}, nil, nil)
		other.hears("end")
		if len(topic.reports) > 0 {
			r.Errorf("after UNSUBSCRIBED came %+v", <-topic.reports)
		}
	}},
	{"retained event", func(r *run) {
		subscriber, publisher := r.far(), r.near()
		publisher.publish(r.uri("topic"), list{"kept"}, nil, dict{"retain": true})
		topic := subscriber.subscribe(r.uri("topic"), dict{"get_retained": true})
		if got := topic.hears("kept"); got.Details["retained"] != true {
			r.Errorf("EVENT.Details.retained is not set: %v", got.Details)
		}
		publisher.publish(r.uri("topic"), list{"new"}, nil, nil)
		topic.hears("new")
	}},
	{"event history", func(r *run) {
		subscriber, publisher := r.far(), r.near()
		topic := subscriber.subscribe(r.uri("history"), nil)
		for n := range 3 {
			publisher.publish(r.uri("history"), list{float64(n)}, nil, nil)
			topic.hears(float64(n))
		}
		got := subscriber.call("wamp.subscription.get_events", list{topic.details["subscription"]}, dict{"limit": 2, "reverse": true}, nil)
		var heard []any
		for _, e := range got.Args {
			event, _ := e.(map[string]any)
			heard = append(heard, event["args"])
		}
		same(r.T, "the last two events", heard, list{list{2.0}, list{1.0}})
	}},
	{"testament", func(r *run) {
		subscriber, testator := r.far(), r.near()
		topic := subscriber.subscribe(r.uri("will"), nil)
		testator.call("wamp.session.add_testament", list{r.uri("will"), list{"goodbye"}, dict{"from": "me"}}, nil, nil)
		testator.leave()
		if got := topic.hears("goodbye"); !reflect.DeepEqual(got.Kwargs, dict{"from": "me"}) {
			r.Errorf("the testament has the keyword arguments %v", got.Kwargs)
		}
		other := r.near()
		other.call("wamp.session.add_testament", list{r.uri("will"), list{"never"}, dict{}}, nil, nil)
		other.call("wamp.session.flush_testaments", nil, nil, nil)
		other.leave()
		subscriber.publish(r.uri("will"), list{"end"}, nil, dict{"exclude_me": false})
		topic.hears("end")
	}},
	{"payload passthru of events", func(r *run) {
		subscriber, publisher := r.far(), r.near()
		topic := subscriber.subscribe(r.uri("topic"), nil)
		publisher.publish(r.uri("topic"), list{"secret"}, nil, dict{"ppt_scheme": "x_custom", "ppt_serializer": "json"})
		same(r.T, "EVENT.Details.ppt_scheme", topic.hears("secret").Details["ppt_scheme"], "x_custom")
	}},
	{"large events", func(r *run) {
		subscriber, publisher := r.far(), r.near()
		topic := subscriber.subscribe(r.uri("topic"), nil)
		large := strings.Repeat("x", 200_000)
		publisher.publish(r.uri("topic"), list{large}, nil, nil)
		if got := topic.next(); len(got.Args) != 1 || got.Args[0] != large {
			r.Error("200 kB did not come as they went")
		}
	}},
}
