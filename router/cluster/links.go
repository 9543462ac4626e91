package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// links keeps one link to every other member. Of two members the one with the smaller name
// dials; the other listens.
type links struct {
	self     linkHello // Least, Most, Cluster, From, Replica
	listener net.Listener
	fabric   fabric
	tls      *tls.Config
	logger   *slog.Logger
	serve    func(*link) // until it breaks
	// through gives the members that have links with this replica and tell that they have one with
	// the other; nil: nobody is asked to relay.
	through func(MemberID) []*member
	relays  relays

	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	half   map[linkHello]*stream // control connections whose other half is to come
	dials  map[MemberID]context.CancelFunc
	addrs  map[MemberID]string // of the links of all members
	active map[*link]struct{}
}

func newLinks(self linkHello, ln net.Listener, config *tls.Config, f fabric, logger *slog.Logger, serve func(*link), through func(MemberID) []*member) *links {
	ctx, stop := context.WithCancel(context.Background())
	l := &links{
		self: self, listener: ln, tls: config, fabric: f, logger: logger, serve: serve, through: through, ctx: ctx, stop: stop,
		half: map[linkHello]*stream{}, dials: map[MemberID]context.CancelFunc{}, addrs: map[MemberID]string{},
		relays: newRelays(), active: map[*link]struct{}{},
	}
	l.wg.Go(l.accept)
	return l
}

func (l *links) close() {
	l.stop()
	_ = l.listener.Close()
	l.mu.Lock()
	for _, s := range l.half {
		s.close()
	}
	for link := range l.active {
		link.close(errStreamClosed)
	}
	l.mu.Unlock()
	l.relays.close()
	l.wg.Wait()
}

// want keeps a link to a member, if it is this side that dials.
func (l *links) want(id MemberID, replica, addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addrs[id] = addr
	if l.self.From >= id || l.dials[id] != nil || l.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(l.ctx)
	l.dials[id] = cancel
	l.wg.Go(func() { l.keep(ctx, id, replica, addr) })
}

// forget stops dialing a member that is gone for good.
func (l *links) forget(id MemberID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.addrs, id)
	if cancel := l.dials[id]; cancel != nil {
		cancel()
		delete(l.dials, id)
	}
}

func (l *links) keep(ctx context.Context, id MemberID, replica, addr string) {
	const first, most = 5 * time.Millisecond, 500 * time.Millisecond
	pause, said := first, ""
	d := dialing{links: l, id: id, replica: replica, addr: addr}
	for ctx.Err() == nil {
		if link := l.linked(id); link != nil {
			// Gossip took the member for dead, and then not, while this link stood.
			select {
			case <-ctx.Done():
			case <-link.done:
			}
		} else if link, err := d.dial(ctx); err == nil {
			pause, said = first, ""
			d.use(link)
		} else if err.Error() != said && ctx.Err() == nil {
			said = err.Error()
			l.logger.Warn("cannot link to member", "member", id, "address", addr, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + time.Duration(rand.Int64N(int64(pause)))):
		}
		pause = min(2*pause, most)
	}
}

func (l *links) run(link *link) {
	l.mu.Lock()
	if l.ctx.Err() != nil {
		l.mu.Unlock()
		link.close(errStreamClosed)
		return
	}
	l.active[link] = struct{}{}
	l.mu.Unlock()
	l.serve(link)
	l.mu.Lock()
	delete(l.active, link)
	l.mu.Unlock()
	l.relays.end(link.to)
}

// linked gives the link with a member, if it stands.
func (l *links) linked(id MemberID) *link {
	l.mu.Lock()
	defer l.mu.Unlock()
	for link := range l.active {
		if link.to == id {
			return link
		}
	}
	return nil
}

func (l *links) address(id MemberID) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addrs[id]
}

func (l *links) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			if l.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			l.logger.Warn("cannot accept a link", "error", err)
			select {
			case <-l.ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		l.wg.Go(func() {
			if err := l.welcome(conn); err != nil && l.ctx.Err() == nil {
				l.logger.Warn("refused a link", "from", conn.RemoteAddr().String(), "error", err)
				_ = conn.Close()
			}
		})
	}
}

// welcome takes one connection of a link, and runs the link when it is the second.
func (l *links) welcome(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(handshakeWait)); err != nil {
		return err
	}
	bare := conn // conn may be another by the time that l is closed
	defer context.AfterFunc(l.ctx, func() { _ = bare.Close() })()
	if l.tls != nil {
		conn = tls.Server(conn, l.tls)
	}
	s := newStream(conn, maxControl)
	var h linkHello
	if err := readHandshake(s, &h); err != nil {
		return fmt.Errorf("reading its introduction: %w", err)
	}
	refuse := func(why string) error {
		_ = writeHandshake(s, linkWelcome{Refused: why})
		return fmt.Errorf("member %s: %s", h.From, why)
	}
	if why := l.check(&h); why != "" {
		return refuse(why)
	}
	s.protocol, _ = l.self.protocols().common(h.protocols())
	welcome := linkWelcome{Protocol: s.protocol}
	switch {
	case h.Relay != "":
		return l.relay(s, &h, welcome, refuse)
	case h.Move:
		link := l.linked(h.From)
		if link == nil || link.number != h.Link || link.via == "" {
			return refuse("that link does not stand any more")
		}
		if err := s.accept(welcome); err != nil {
			return err
		}
		return link.move(h.Calls, s)
	case !h.Calls:
		return l.wait(s, &h, welcome)
	}
	s.in.max = maxFrame
	control := l.takeHalf(&h)
	if control == nil {
		return refuse("its control connection is not there")
	}
	err := s.accept(welcome)
	if err == nil {
		err = control.conn.SetDeadline(time.Time{})
	}
	if err != nil {
		control.close()
		return err
	}
	link := newLink(h.From, h.Replica, control, s)
	if link.number, link.via = h.Link, h.Via; link.via != "" {
		l.logger.Warn("linked to member through "+link.via+": the direct way from there fails", "member", link.to)
	}
	l.run(link)
	return nil
}

// accept ends the handshake on the side that was dialed.
func (s *stream) accept(welcome linkWelcome) error {
	if err := writeHandshake(s, welcome); err != nil {
		return err
	}
	return s.conn.SetDeadline(time.Time{})
}

// wait keeps a control connection until the one for calls is there, for a while.
func (l *links) wait(s *stream, h *linkHello, welcome linkWelcome) error {
	key := *h
	l.mu.Lock()
	before := l.half[key]
	l.half[key] = s
	l.mu.Unlock()
	if before != nil { // whoever introduces itself twice means the second
		before.close()
	}
	stopWait := context.AfterFunc(l.ctx, s.close)
	time.AfterFunc(handshakeWait, func() {
		stopWait()
		l.mu.Lock()
		late := l.half[key] == s
		if late {
			delete(l.half, key)
		}
		l.mu.Unlock()
		if late {
			s.close()
		}
	})
	return writeHandshake(s, welcome)
}

func (l *links) takeHalf(h *linkHello) *stream {
	key := *h
	key.Calls = false
	l.mu.Lock()
	defer l.mu.Unlock()
	control := l.half[key]
	delete(l.half, key)
	return control
}

func (l *links) check(h *linkHello) string {
	ours, theirs := l.self.protocols(), h.protocols()
	_, common := ours.common(theirs)
	switch {
	case !common:
		return foreign(h.From, theirs, l.self.From, ours)
	case h.Cluster != l.self.Cluster:
		return fmt.Sprintf("it belongs to cluster %q, this replica to %q", h.Cluster, l.self.Cluster)
	case h.To != l.self.From:
		return fmt.Sprintf("it looks for member %q, this is %q", h.To, l.self.From)
	case h.From >= l.self.From && h.Relay == "":
		return fmt.Sprintf("of %q and %q the first dials", l.self.From, h.From)
	}
	return ""
}
