package transport

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/internal/socket"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// peer is the one implementation of Conn. Its reading side (inbound.go) belongs to the
// goroutine that calls ReadMessage; its writing side (outbound.go) is guarded by mu; its
// watcher looks at the atomics only.
type peer struct {
	kind    Kind
	format  wamp.Format
	framing framing
	nc      net.Conn       // a *tls.Conn under TLS
	sock    *socket.Socket // reads from nc and writes to it
	packing *packing
	header  http.Header
	remote  net.Addr             // the client's end
	from    netip.Prefix         // what it counts for, when connections of an address are limited
	state   *tls.ConnectionState // where nc is not the TLS connection itself
	cfg     *Config
	stats   *Stats
	watcher *watcher

	in  inbound
	via backlog.Via // of the goroutine that reads
	out outbound

	done chan struct{}

	failure   atomic.Pointer[error] // why this side dropped the connection, if it did
	closing   atomic.Bool           // set once, with mu held
	readSince atomic.Int64          // watcher time at which a blocking read began, 0 when none
	takeSince atomic.Int64          // watcher time of the last progress of a write, 0 when none
	closeBy   atomic.Int64          // watcher time at which closing ends, 0 when open
	pinged    atomic.Int32          // pings since the last byte arrived
}

// outbound is the writing side.
type outbound struct {
	mu       sync.Mutex
	buf      backlog.Buffer // frames that wait
	messages int            // in buf
	writer   writerState
	promised bool          // a reader that had something sent sees to it that it is written
	brief    bool          // the writer was made for a ping: it goes when that is written
	rests    uint8         // sweeps of the watcher that found the writer asleep
	wake     chan struct{} // of the writer that there is
	room     chan struct{} // closed when there is room again; nil when nobody waits
	queued   atomic.Int64  // bytes in buf and those being written
	code     CloseCode     // to close with, as the last error of reading asks
	reason   string
}

// line is a connection whose handshake is done.
type line struct {
	nc      net.Conn
	kind    Kind
	format  wamp.Format
	framing framing
	packing *packing
	early   []byte      // what was read beyond the handshake
	header  http.Header // of the request that it began with
	remote  net.Addr
	state   *tls.ConnectionState // where nc is not the TLS connection itself
}

// newPeer takes over a connection whose handshake is done.
func newPeer(l line, cfg *Config, stats *Stats, w *watcher) *peer {
	p := &peer{
		kind: l.kind, format: l.format, framing: l.framing, nc: l.nc, sock: socket.New(l.nc), packing: l.packing, header: l.header,
		remote: l.remote, state: l.state, cfg: cfg, stats: stats, watcher: w, done: make(chan struct{}),
	}
	p.out.code = CloseNormal
	p.in.pace = newPace(cfg)
	p.in.start(l.early)
	w.add(p)
	return p
}

func (p *peer) Format() wamp.Format   { return p.format }
func (p *peer) Done() <-chan struct{} { return p.done }
func (p *peer) Via() *backlog.Via     { return &p.via }

func (p *peer) Info() *Info {
	k := unbatched
	if p.packing != nil {
		k = p.packing.batch
	} else if f, ok := p.framing.(*pollFraming); ok {
		k = f.batch
	}
	i := &Info{
		Protocol: p.kind, Subprotocol: subprotocol(p.format, k),
		Peer: p.remote, Local: p.nc.LocalAddr(), TLS: p.state, Header: p.header,
	}
	if c, ok := p.nc.(*tls.Conn); ok {
		state := c.ConnectionState()
		i.TLS = &state
	}
	return i
}

// fail drops the connection at once because of err.
func (p *peer) fail(err error) {
	if p.failure.CompareAndSwap(nil, &err) {
		p.Abort()
	}
}

// failed returns why this side dropped or closed the connection, or otherwise.
func (p *peer) failed(otherwise error) error {
	if err := p.failure.Load(); err != nil {
		return *err
	}
	if p.closing.Load() {
		return ErrClosed
	}
	return otherwise
}

// rawConn is the network connection itself: closing it cannot wait on a TLS lock.
func rawConn(nc net.Conn) net.Conn {
	if c, ok := nc.(*tls.Conn); ok {
		return c.NetConn()
	}
	return nc
}
