package meta

import (
	"fmt"
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func registrationDetails(id wamp.ID, created time.Time, uri string, match cluster.Match, invoke cluster.Policy) map[string]any {
	return map[string]any{
		"id": uint64(id), "created": moment(created), "uri": uri, "match": match.String(), "invoke": invoke.String(),
	}
}

// byMatch sorts ids by how they match.
type byMatch map[string]any

func newByMatch() byMatch {
	return byMatch{wamp.Exact.String(): []wamp.ID{}, wamp.Prefix.String(): []wamp.ID{}, wamp.Wildcard.String(): []wamp.ID{}}
}

func (l byMatch) add(match wamp.Match, id wamp.ID) {
	l[match.String()] = append(l[match.String()].([]wamp.ID), id)
}

func (l byMatch) sorted() map[string]any {
	for _, ids := range l {
		slices.Sort(ids.([]wamp.ID))
	}
	return l
}

func (m *Meta) registrationList(*arguments) (result, error) {
	list := newByMatch()
	for p := range m.realm.Procedures {
		list.add(p.Match, p.Registration)
	}
	return one(list.sorted()), nil
}

func (m *Meta) registrationLookup(a *arguments) (result, error) {
	match, err := a.match(1)
	if err != nil {
		return result{}, err
	}
	uri, err := a.uri("procedure", match)
	if err != nil {
		return result{}, err
	}
	if p, ok := m.realm.Procedure(match, uri); ok {
		return one(p.Registration), nil
	}
	return one(nil), nil
}

func (m *Meta) registrationMatch(a *arguments) (result, error) {
	uri, err := a.uri("procedure", wamp.Exact)
	if err != nil {
		return result{}, err
	}
	if p, ok := m.realm.BestMatch(uri); ok {
		return one(p.Registration), nil
	}
	return one(nil), nil
}

// registration is the one that the first argument names.
func (m *Meta) registration(a *arguments) (cluster.ProcedureInfo, error) {
	id, err := a.id(0, "registration", true)
	if err != nil {
		return cluster.ProcedureInfo{}, err
	}
	p, ok := m.realm.Registration(id)
	if !ok {
		return p, &cluster.Error{URI: wamp.ErrNoSuchRegistration, Message: fmt.Sprintf("no registration %d is in the realm", id)}
	}
	return p, nil
}

func (m *Meta) registrationGet(a *arguments) (result, error) {
	p, err := m.registration(a)
	return one(registrationDetails(p.Registration, p.Created, p.URI, p.Match, p.Invoke)), err
}

func (m *Meta) listCallees(a *arguments) (result, error) {
	p, err := m.registration(a)
	ids := []wamp.ID{}
	for _, c := range p.Callees {
		ids = append(ids, c.Session)
	}
	return one(ids), err
}

func (m *Meta) countCallees(a *arguments) (result, error) {
	p, err := m.registration(a)
	return one(len(p.Callees)), err
}

// removeCallee takes a callee off a registration (WAMP advanced profile, "Registration Revocation").
func (m *Meta) removeCallee(a *arguments) (result, error) {
	p, err := m.registration(a)
	if err != nil {
		return result{}, err
	}
	callee, err := a.id(1, "session", true)
	if err != nil {
		return result{}, err
	}
	reason, _, err := a.str(2, "reason", false)
	if err != nil {
		return result{}, err
	}
	if !slices.ContainsFunc(p.Callees, func(c cluster.CalleeInfo) bool { return c.Session == callee }) || !m.remove(p.Registration, callee, reason) {
		return result{}, &cluster.Error{URI: wamp.ErrNoSuchSession, Message: fmt.Sprintf("the session %d is not a callee of %s", callee, p.URI)}
	}
	m.awaitRemoval(p.Registration, callee)
	return result{}, nil
}

func (m *Meta) remove(registration, callee wamp.ID, reason string) bool {
	o := order{Do: doRevoke, ID: registration, Reason: reason}
	return m.realm.Tell(callee, o.encode())
}

// RemoveCallee implements dealer.MetaProcedures.
func (m *Meta) RemoveCallee(registration, callee wamp.ID, reason string) {
	_ = m.remove(registration, callee, reason) // a session that is gone takes its registrations with it
}

const (
	// removalWait bounds how long remove_callee waits for the list to change here, and
	// removalLook is how often it looks.
	removalWait = time.Second
	removalLook = 2 * time.Millisecond
)

// awaitRemoval waits until calls from this replica go to the callee no more.
func (m *Meta) awaitRemoval(registration, callee wamp.ID) {
	for end := time.Now().Add(removalWait); time.Now().Before(end); time.Sleep(removalLook) {
		p, _ := m.realm.Registration(registration)
		if !slices.ContainsFunc(p.Callees, func(c cluster.CalleeInfo) bool { return c.Session == callee }) {
			return
		}
	}
}
