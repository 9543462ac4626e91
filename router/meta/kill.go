package meta

import (
	"fmt"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// killing reads what the victims of the kill procedures are told: the arguments reason, which becomes
// GOODBYE.Reason, and message, which goes into GOODBYE.Details.
func (a *arguments) killing(place int) (order, error) {
	o := order{Do: doKill, Reason: wamp.CloseKilled}
	if v, ok := a.get(place, "reason"); ok {
		reason, _ := v.Str()
		if err := wamp.ValidURI(reason, false); err != nil {
			return o, &cluster.Error{URI: wamp.ErrInvalidURI, Message: a.procedure + ": argument reason: " + err.Error()}
		}
		o.Reason = reason
	}
	var err error
	o.Message, _, err = a.str(after(place), "message", false)
	return o, err
}

// after is the place behind another.
func after(place int) int {
	if place == named {
		return named
	}
	return place + 1
}

func (m *Meta) sessionKill(a *arguments) (result, error) {
	id, err := a.id(0, "session", true)
	if err != nil {
		return result{}, err
	}
	o, err := a.killing(1)
	if err != nil {
		return result{}, err
	}
	if id == a.caller.ID {
		return result{}, &cluster.Error{URI: wamp.ErrNoSuchSession, Message: fmt.Sprintf("%d is your own session: leave with GOODBYE", id)}
	}
	if _, ok := m.realm.Session(id); !ok || !m.realm.Tell(id, o.encode()) {
		return result{}, noSuchSession(id)
	}
	return result{}, nil
}

// killThose kills the sessions that the filter wants, but never the caller's own.
func (m *Meta) killThose(a *arguments, place int, wanted func(*cluster.SessionInfo) bool) ([]wamp.ID, error) {
	o, err := a.killing(place)
	if err != nil {
		return nil, err
	}
	message, killed := o.encode(), []wamp.ID{}
	for _, id := range m.sessions(func(info *cluster.SessionInfo) bool {
		return info.Session != a.caller.ID && wanted(info)
	}) {
		if m.realm.Tell(id, message) {
			killed = append(killed, id)
		}
	}
	return killed, nil
}

func (m *Meta) killByAuthID(a *arguments) (result, error) {
	authID, _, err := a.str(0, "authid", true)
	if err != nil {
		return result{}, err
	}
	killed, err := m.killThose(a, 1, func(info *cluster.SessionInfo) bool { return info.AuthID == authID })
	return one(killed), err
}

func (m *Meta) killByAuthRole(a *arguments) (result, error) {
	role, _, err := a.str(0, "authrole", true)
	if err != nil {
		return result{}, err
	}
	killed, err := m.killThose(a, 1, func(info *cluster.SessionInfo) bool { return info.AuthRole == role })
	return one(len(killed)), err
}

func (m *Meta) killAll(a *arguments) (result, error) {
	killed, err := m.killThose(a, 0, func(*cluster.SessionInfo) bool { return true })
	return one(len(killed)), err
}
