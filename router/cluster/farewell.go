package cluster

import (
	"context"
	"fmt"
)

// Settle returns when every replica routes by the lists of this one as they are now, and all that the
// others sent here before they did has been handled: what a replica needs to know that is about to
// leave. A replica that does not answer is waited for until its links break, or ctx ends.
func (n *Node) Settle(ctx context.Context) error {
	settled := make(chan struct{})
	n.step(func(m *machine) {
		m.confirm(func() { n.step(func(m *machine) { m.fence(func() { close(settled) }) }) })
		m.settle()
	})
	select {
	case <-settled:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the other replicas to route elsewhere: %w", ctx.Err())
	case <-n.ctx.Done():
		return fmt.Errorf("waiting for the other replicas to route elsewhere: %w", n.ctx.Err())
	}
}

// fence calls done when every member has answered what runs behind the calls on its links.
func (m *machine) fence(done func()) {
	m.fences++
	m.fenced[m.fences] = done
	m.out.fences = append(m.out.fences, m.fences)
}
