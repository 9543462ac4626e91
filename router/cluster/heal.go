package cluster

import (
	"slices"
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// rivalsAgain is how long the owner waits, before it asks again, for a rival to leave the list.
const rivalsAgain = time.Second

// rivals are procedures that were registered as single on both sides of a split: of their callees
// the oldest stays and the others are revoked, by the owner of the slot.
type rivals map[wamp.ID]*rivalry

type rivalry struct {
	// oldest is the callee that stays; what its replica said before it answered probe is in the
	// list, so that a callee that has left already takes nobody's place.
	oldest uint64
	probe  uint64
	sure   bool
	after  time.Time // when to ask again
}

// noteRivals takes note of a procedure that has callees which exclude each other. All replicas
// do; who is the owner then, or becomes it, decides.
func (m *machine) noteRivals(p *procedure) {
	if len(p.load().rivals()) > 0 && m.table.flaw != flawNoRevocation {
		if m.rivals == nil {
			m.rivals = rivals{}
		}
		if m.rivals[p.id] == nil {
			m.rivals[p.id] = &rivalry{}
		}
	}
}

// rivals are the callees of a single procedure after the first. Those that came to the list when
// its policy was another are none: a policy that changes kicks nobody off.
func (v *view) rivals() []entry {
	if len(v.entries) < 2 || v.entries[0].invoke != Single {
		return nil
	}
	var rivals []entry
	for _, e := range v.entries[1:] {
		if e.invoke == Single {
			rivals = append(rivals, e)
		}
	}
	return rivals
}

// revokeRivals revokes what this member decides on.
func (m *machine) revokeRivals() {
	if len(m.rivals) == 0 {
		return
	}
	ids := make([]wamp.ID, 0, len(m.rivals))
	for id := range m.rivals {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		p, ok := m.table.byID.get(id)
		if !ok || len(p.load().rivals()) == 0 {
			delete(m.rivals, id)
			continue
		}
		if m.table.acting(p.slot, m.now) != 0 {
			m.revokeRival(p, m.rivals[id])
		}
	}
}

func (m *machine) revokeRival(p *procedure, r *rivalry) {
	v := p.load()
	oldest := v.entries[0]
	if r.oldest != oldest.stamp {
		*r = rivalry{oldest: oldest.stamp, sure: oldest.member == m.self}
	}
	if m.now.Before(r.after) {
		return
	}
	r.after = m.now.Add(rivalsAgain)
	if !r.sure {
		if q := m.peer(oldest.member.id); q != nil && q.greeted {
			m.probes++
			r.probe = m.probes
			m.send(q, &probe{Probe: r.probe})
		}
		return
	}
	for _, e := range v.rivals() {
		k := listKey{Realm: p.key.Realm, URI: p.key.URI, Match: p.key.Match, Session: e.session}
		m.logger.Info("revoking a callee: an older one has the procedure, registered while the cluster was split",
			"procedure", p.key.URI, "realm", p.key.Realm, "replica", e.member.replica, "session", e.session)
		if e.member == m.self {
			m.onRevoke(&revoke{Key: k, Stamp: e.stamp})
		} else if q := m.peer(e.member.id); q != nil {
			m.send(q, &revoke{Key: k, Stamp: e.stamp})
		}
	}
}

// onProbed: all that the member said before it was probed has arrived.
func (m *machine) onProbed(a *probed) {
	for _, r := range m.rivals {
		if r.probe == a.Probe {
			r.sure, r.after = true, time.Time{}
		}
	}
}

// isRival tells whether an older callee excludes a registration of a session here.
func (m *machine) isRival(k listKey) bool {
	p, ok := m.table.find(k.procedure())
	return ok && slices.ContainsFunc(p.load().rivals(), func(e entry) bool {
		return e.member == m.self && e.session == k.Session
	})
}

// onRevoke hands a registration of a session here to the host for revocation, unless the session
// has not heard of it yet.
func (m *machine) onRevoke(r *revoke) {
	if e, ok := m.ownEntry(r.Key); ok && e.Stamp == r.Stamp && !m.withdraw(r.Key) {
		m.out.revoked = append(m.out.revoked, r.Key)
	}
}
