package meta

import (
	"github.com/wamp-operator/wamp-operator/router/broker"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func (a *arguments) scope(place int) (broker.Scope, error) {
	name, _, err := a.str(place, "scope", false)
	if err != nil {
		return 0, err
	}
	scope, err := broker.ParseScope(name)
	if err != nil {
		return 0, a.invalid("scope", "is wrong: %s", err)
	}
	return scope, nil
}

// addTestament takes topic, args, kwargs, publish_options and scope (WAMP advanced profile,
// "Testaments").
func (m *Meta) addTestament(a *arguments) (result, error) {
	topic, _, err := a.str(0, "topic", true)
	if err != nil {
		return result{}, err
	}
	payload := wamp.Payload{Format: a.caller.Format()}
	if v, ok := a.get(1, "args"); ok {
		if _, ok := v.List(); !ok {
			return result{}, a.invalid("args", "must be a list, not %s", v.Kind())
		}
		payload.Args = v.Raw
	}
	kwargs, err := a.options(2, "kwargs")
	if err != nil {
		return result{}, err
	}
	payload.Kwargs = kwargs.Raw
	options, err := a.options(3, "publish_options")
	if err != nil {
		return result{}, err
	}
	scope, err := a.scope(4)
	if err != nil {
		return result{}, err
	}
	_, _, peer, ok := m.peers.Session(a.caller.ID)
	if !ok {
		return result{}, noSuchSession(a.caller.ID)
	}
	if refusal := peer.AddTestament(topic, payload, options, scope); refusal != nil {
		return result{}, refusal
	}
	return result{}, nil
}

func (m *Meta) flushTestaments(a *arguments) (result, error) {
	scope, err := a.scope(0)
	if err != nil {
		return result{}, err
	}
	if _, _, peer, ok := m.peers.Session(a.caller.ID); ok {
		peer.FlushTestaments(scope)
	}
	return result{}, nil
}
