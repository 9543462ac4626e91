package meta

import (
	"fmt"
	"slices"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Info is what all replicas are told of a session (WAMP advanced profile, "Session Meta API").
func Info(s *session.Session) *cluster.SessionInfo {
	details := map[string]any{
		"session": uint64(s.ID), "authid": s.Identity.AuthID, "authrole": s.Identity.Role.Name,
		"authmethod": s.Identity.Method, "authprovider": s.Identity.Provider, "transport": s.Transport(),
	}
	return &cluster.SessionInfo{
		Realm: s.Realm, Session: s.ID, AuthID: s.Identity.AuthID, AuthRole: s.Identity.Role.Name,
		Details: string(wamp.MustDict(wamp.CBOR, details).Raw),
	}
}

// details are those of Info.
func details(info *cluster.SessionInfo) map[string]any {
	d, err := wamp.Dict{Format: wamp.CBOR, Raw: []byte(info.Details)}.Decode()
	if err != nil || len(d) == 0 { // a replica of another version said less
		return map[string]any{"session": uint64(info.Session), "authid": info.AuthID, "authrole": info.AuthRole}
	}
	return d
}

// sessions gives the ids of the sessions that the filter wants, sorted.
func (m *Meta) sessions(wanted func(*cluster.SessionInfo) bool) []wamp.ID {
	ids := []wamp.ID{}
	for info := range m.realm.Sessions {
		if wanted(&info) {
			ids = append(ids, info.Session)
		}
	}
	slices.Sort(ids)
	return ids
}

// inRoles are the sessions that count and list are asked for.
func (m *Meta) inRoles(a *arguments) ([]wamp.ID, error) {
	roles, filter, err := a.strings(0, "filter_authroles")
	if err != nil {
		return nil, err
	}
	return m.sessions(func(info *cluster.SessionInfo) bool {
		return !filter || slices.Contains(roles, info.AuthRole)
	}), nil
}

func (m *Meta) sessionCount(a *arguments) (result, error) {
	ids, err := m.inRoles(a)
	return one(len(ids)), err
}

func (m *Meta) sessionList(a *arguments) (result, error) {
	ids, err := m.inRoles(a)
	return one(ids), err
}

func (m *Meta) sessionGet(a *arguments) (result, error) {
	id, err := a.id(0, "session", true)
	if err != nil {
		return result{}, err
	}
	info, ok := m.realm.Session(id)
	if !ok {
		return result{}, noSuchSession(id)
	}
	return one(details(&info)), nil
}

func noSuchSession(id wamp.ID) error {
	return &cluster.Error{URI: wamp.ErrNoSuchSession, Message: fmt.Sprintf("no session %d is in the realm", id)}
}
