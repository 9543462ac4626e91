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
	self     linkHello // Protocol, Cluster, From, Replica
	listener net.Listener
	fabric   fabric
	tls      *tls.Config
	logger   *slog.Logger
	serve    func(*link) // until it breaks

	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	half   map[linkHello]*stream // control connections whose other half is to come
	dials  map[MemberID]context.CancelFunc
	active map[*link]struct{}
}

func newLinks(self linkHello, ln net.Listener, config *tls.Config, f fabric, logger *slog.Logger, serve func(*link)) *links {
	ctx, stop := context.WithCancel(context.Background())
	l := &links{
		self: self, listener: ln, tls: config, fabric: f, logger: logger, serve: serve, ctx: ctx, stop: stop,
		half: map[linkHello]*stream{}, dials: map[MemberID]context.CancelFunc{}, active: map[*link]struct{}{},
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
	l.wg.Wait()
}

// want keeps a link to a member, if it is this side that dials.
func (l *links) want(id MemberID, addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.self.From >= id || l.dials[id] != nil || l.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(l.ctx)
	l.dials[id] = cancel
	l.wg.Go(func() { l.keep(ctx, id, addr) })
}

// forget stops dialing a member that is gone for good.
func (l *links) forget(id MemberID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cancel := l.dials[id]; cancel != nil {
		cancel()
		delete(l.dials, id)
	}
}

func (l *links) keep(ctx context.Context, id MemberID, addr string) {
	const first, most = 5 * time.Millisecond, 500 * time.Millisecond
	pause, said := first, ""
	for ctx.Err() == nil {
		link, err := l.dial(id, addr)
		if err == nil {
			pause, said = first, ""
			l.run(link)
		} else if err.Error() != said {
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

func (l *links) dial(id MemberID, addr string) (*link, error) {
	h := l.self
	h.To, h.Link = id, rand.Uint64()
	control, err := dialStream(l.ctx, l.fabric, addr, l.tls, h)
	if err != nil {
		return nil, err
	}
	h.Calls = true
	calls, err := dialStream(l.ctx, l.fabric, addr, l.tls, h)
	if err != nil {
		control.close()
		return nil, err
	}
	return newLink(id, "", control, calls), nil
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
	if l.tls != nil {
		conn = tls.Server(conn, l.tls)
	}
	s := newStream(conn, maxControl)
	var h linkHello
	if err := readHandshake(s, &h); err != nil {
		return fmt.Errorf("reading its introduction: %w", err)
	}
	if why := l.check(&h); why != "" {
		_ = writeHandshake(s, linkWelcome{Refused: why})
		return fmt.Errorf("member %s: %s", h.From, why)
	}
	other := h
	other.Calls = false
	if !h.Calls {
		l.mu.Lock()
		l.half[other] = s
		l.mu.Unlock()
		stopWait := context.AfterFunc(l.ctx, s.close)
		time.AfterFunc(handshakeWait, func() {
			stopWait()
			l.mu.Lock()
			late := l.half[other] == s
			delete(l.half, other)
			l.mu.Unlock()
			if late {
				s.close()
			}
		})
		return writeHandshake(s, linkWelcome{})
	}
	s.in.max = maxFrame
	l.mu.Lock()
	control := l.half[other]
	delete(l.half, other)
	l.mu.Unlock()
	if control == nil {
		_ = writeHandshake(s, linkWelcome{Refused: "its control connection is not there"})
		return fmt.Errorf("member %s: connection for calls without one for control", h.From)
	}
	if err := writeHandshake(s, linkWelcome{}); err != nil {
		control.close()
		return err
	}
	for _, half := range []*stream{control, s} {
		if err := half.conn.SetDeadline(time.Time{}); err != nil {
			control.close()
			return err
		}
	}
	l.run(newLink(h.From, h.Replica, control, s))
	return nil
}

func (l *links) check(h *linkHello) string {
	switch {
	case h.Protocol != l.self.Protocol:
		return fmt.Sprintf("it speaks version %d of the link protocol, this replica %d", h.Protocol, l.self.Protocol)
	case h.Cluster != l.self.Cluster:
		return fmt.Sprintf("it belongs to cluster %q, this replica to %q", h.Cluster, l.self.Cluster)
	case h.To != l.self.From:
		return fmt.Sprintf("it looks for member %q, this is %q", h.To, l.self.From)
	case h.From >= l.self.From:
		return fmt.Sprintf("of %q and %q the first dials", l.self.From, h.From)
	}
	return ""
}
