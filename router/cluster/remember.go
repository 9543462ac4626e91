package cluster

import (
	"time"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// rememberFor is how long the place of a rotation is kept after its last callee has left the list:
// when all callees of a procedure come back from a restart, or from behind a link that broke, the
// rotation goes on and does not begin anew.
const rememberFor = time.Minute

type remembered struct {
	rotation
	since time.Time
}

// remember keeps the place of a procedure that has lost its last callee.
func (m *machine) remember(p *procedure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turns != nil {
		m.remembered[p.id] = remembered{*p.turns, m.now}
	}
}

// recall gives a procedure that has its first callee the place that it had.
func (m *machine) recall(p *procedure) {
	if r, ok := m.remembered[p.id]; ok {
		delete(m.remembered, p.id)
		p.mu.Lock()
		p.turns = &r.rotation
		p.mu.Unlock()
	}
}

// forget drops what is old.
func (m *machine) forget() {
	if m.now.Before(m.forgetAt) {
		return
	}
	m.forgetAt = m.now.Add(time.Second)
	for id, r := range m.remembered {
		if m.now.Sub(r.since) > rememberFor {
			delete(m.remembered, id)
		}
	}
}

// rememberTurn keeps the last turn that anybody knew of a procedure that nobody here has on a list.
func (m *machine) rememberTurn(id wamp.ID, t turn) {
	r, ok := m.remembered[id]
	if !ok {
		r.since = m.now
	}
	r.dealt = t
	m.remembered[id] = r
}
