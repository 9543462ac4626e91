package cluster

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// maxRelays is how many connections a replica relays at once; a link is two.
const maxRelays = 128

// relays are the connections that go through this replica because two others cannot reach each
// other. It copies bytes, and understands none: inside is the handshake of those two.
type relays struct {
	mu   sync.Mutex
	open map[*relayed]struct{}
	done bool
}

// relayed is one of them: the sides' names and connections.
type relayed struct {
	from, to MemberID
	sides    [2]net.Conn // the second one is nil until it is dialed
}

func newRelays() relays { return relays{open: map[*relayed]struct{}{}} }

// relay connects the member at s with another one, and copies until either side ends. It does
// that only while direct links with both stand, so that nothing is left of it when one of them is
// lost, and so that no relay goes through another.
func (l *links) relay(s *stream, h *linkHello, welcome linkWelcome, refuse func(string) error) error {
	for _, id := range []MemberID{h.From, h.Relay} {
		if link := l.linked(id); link == nil || !link.direct() {
			return refuse(fmt.Sprintf("this replica has no direct link with %q and cannot relay", id))
		}
	}
	r := &relayed{from: h.From, to: h.Relay, sides: [2]net.Conn{s.conn}}
	if !l.relays.add(r) {
		return refuse(fmt.Sprintf("this replica relays %d connections already", maxRelays))
	}
	defer l.relays.drop(r)
	out, err := dialWithin(l.ctx, l.fabric, l.address(h.Relay))
	if err != nil {
		return refuse(fmt.Sprintf("this replica cannot connect to %q either: %v", h.Relay, err))
	}
	if !l.relays.connect(r, out) {
		return errStreamClosed
	}
	if err := s.accept(welcome); err != nil {
		return err
	}
	if !h.Calls {
		l.logger.Info("relaying between two members that cannot reach each other", "from", h.From, "to", h.Relay)
	}
	start := time.Now()
	var wg sync.WaitGroup
	for i := range r.sides {
		wg.Go(func() {
			_, _ = io.Copy(r.sides[1-i], r.sides[i]) // links end by being closed, or are found silent
			r.close()
		})
	}
	wg.Wait()
	if !h.Calls {
		l.logger.Info("relaying ended", "from", h.From, "to", h.Relay, "duration", time.Since(start))
	}
	return nil
}

func (r *relayed) close() {
	for _, conn := range r.sides {
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// add takes one more, if there may be one.
func (rs *relays) add(r *relayed) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.done || len(rs.open) >= maxRelays {
		return false
	}
	rs.open[r] = struct{}{}
	return true
}

// connect sets the second side; false: it has been ended already.
func (rs *relays) connect(r *relayed, to net.Conn) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if _, ok := rs.open[r]; !ok {
		_ = to.Close()
		return false
	}
	r.sides[1] = to
	return true
}

// drop ends one.
func (rs *relays) drop(r *relayed) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.open, r)
	r.close()
}

// end ends those of a member.
func (rs *relays) end(id MemberID) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for r := range rs.open {
		if r.from == id || r.to == id {
			delete(rs.open, r)
			r.close()
		}
	}
}

func (rs *relays) close() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.done = true
	for r := range rs.open {
		r.close()
	}
	clear(rs.open)
}
