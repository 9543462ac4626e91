package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// watcher looks at all connections of a server (or of a dialer) every now and then: it pings
// those that are silent and drops those that stay so, that stopped reading, or that do not
// finish closing. One ticker for all of them: an idle connection costs no timer and no
// system call. It runs while there are connections.
type watcher struct {
	interval time.Duration
	clock    atomic.Int64 // coarse monotonic nanoseconds

	mu    sync.Mutex
	peers map[*peer]struct{}
	stop  chan struct{}
}

var processStart = time.Now()

func monotonic() int64 { return int64(time.Since(processStart)) + 1 }

func newWatcher(interval time.Duration) *watcher {
	return &watcher{interval: interval, peers: map[*peer]struct{}{}}
}

// now is the time of the last look, never 0.
func (w *watcher) now() int64 { return w.clock.Load() }

func (w *watcher) add(p *peer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.peers[p] = struct{}{}
	if len(w.peers) == 1 {
		w.clock.Store(monotonic())
		w.stop = make(chan struct{})
		go w.run(w.stop)
	}
}

func (w *watcher) remove(p *peer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.peers, p)
	if len(w.peers) == 0 {
		close(w.stop)
	}
}

func (w *watcher) run(stop chan struct{}) {
	t := time.NewTicker(w.interval)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
		}
		now := monotonic()
		w.clock.Store(now)
		w.mu.Lock()
		for p := range w.peers {
			p.check(now)
		}
		w.mu.Unlock()
	}
}

// each calls f for every connection.
func (w *watcher) each(f func(*peer)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.peers {
		f(p)
	}
}

// check does for one connection what is due at now.
func (p *peer) check(now int64) {
	if since := p.takeSince.Load(); since != 0 && now-since > int64(p.cfg.WriteTimeout) {
		p.stats.Stalls.Add(1)
		p.fail(ErrStalled)
		return
	}
	if by := p.closeBy.Load(); by != 0 {
		if now > by && p.failure.CompareAndSwap(nil, errPtr(ErrClosed)) {
			p.Abort()
		}
		return
	}
	p.rest()
	// Only while we wait for the peer does its silence mean anything: a reader held up by
	// back-pressure has not looked.
	since := p.readSince.Load()
	if p.cfg.KeepAlive <= 0 || since == 0 {
		return
	}
	switch pings := p.pinged.Load(); {
	case now-since < int64(pings+1)*int64(p.cfg.KeepAlive):
	case pings >= 2:
		p.stats.Silences.Add(1)
		p.fail(ErrSilent)
	default:
		p.pinged.Add(1)
		p.ping()
	}
}

func errPtr(err error) *error { return &err }
