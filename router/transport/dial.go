package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Dialer connects to routers. The zero Dialer is ready; set fields before the first Dial.
type Dialer struct {
	Config Config
	// TLS is for wss, tcps and rss. Nil verifies against the system's certificates.
	TLS *tls.Config
	// Header goes with WebSocket requests. User-Agent is Go's when it is not there.
	Header http.Header
	// Batched asks WebSocket servers for the batched subprotocols alone.
	Batched bool
	// Stats counts over all connections of this Dialer.
	Stats Stats

	start   sync.Once
	cfg     *Config
	watcher *watcher
}

var defaultDialer Dialer

// Dial connects to a router with default settings.
func Dial(ctx context.Context, address string, f wamp.Format) (Conn, error) {
	return defaultDialer.Dial(ctx, address, f)
}

// Dial connects to a router. The scheme of address chooses the transport: ws and wss for
// WebSocket ("ws://host:8080/ws"), tcp or rs and tcps or rss for RawSocket
// ("tcp://host:8080"), unix for RawSocket and ws+unix for WebSocket over a Unix socket
// ("unix:///run/wamp.sock"). The context, and HandshakeTimeout, bound the connecting only.
func (d *Dialer) Dial(ctx context.Context, address string, f wamp.Format) (Conn, error) {
	d.start.Do(func() {
		d.cfg = d.Config.withDefaults()
		d.watcher = newWatcher(d.cfg.sweepInterval())
	})
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("dialing: %w", err)
	}
	if f < wamp.JSON || f > wamp.CBOR {
		return nil, fmt.Errorf("dialing %s: no serialization %d", address, f)
	}
	ctx, cancel := context.WithTimeout(ctx, d.cfg.HandshakeTimeout)
	defer cancel()
	var p *peer
	switch u.Scheme {
	case "ws", "wss":
		p, err = d.dialWebSocket(ctx, u, f)
	case "tcp", "rs":
		p, err = d.dialRaw(ctx, u, f, false)
	case "tcps", "rss":
		p, err = d.dialRaw(ctx, u, f, true)
	case "unix":
		p, err = d.dialRaw(ctx, u, f, false)
	case "ws+unix":
		p, err = d.dialWebSocket(ctx, u, f)
	default:
		err = fmt.Errorf("unknown scheme %q: write ws, wss, tcp, tcps, unix or ws+unix", u.Scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("dialing %s: %w", address, err)
	}
	d.Stats.Accepted.Add(1)
	return p, nil
}

func (d *Dialer) dialWebSocket(ctx context.Context, u *url.URL, f wamp.Format) (*peer, error) {
	batch := unbatched
	if d.Batched {
		batch = batchingOf(f)
	}
	dialer := ws.Dialer{
		Protocols: []string{subprotocol(f, batch)},
		TLSConfig: d.TLS,
		Header:    ws.HandshakeHeaderHTTP(d.header()),
	}
	if d.cfg.Compression != nil {
		dialer.Extensions = []httphead.Option{d.cfg.Compression.offer()}
	}
	address := u.String()
	if u.Scheme == "ws+unix" {
		address = "ws://localhost/ws"
		dialer.NetDial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", u.Path)
		}
	}
	nc, br, hs, err := dialer.Dial(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("WebSocket handshake: %w", err)
	}
	if hs.Protocol != subprotocol(f, batch) {
		_ = nc.Close()
		return nil, fmt.Errorf("WebSocket handshake: the server did not choose %s", subprotocol(f, batch))
	}
	var deflate *deflater
	if d.cfg.Compression != nil {
		if deflate, err = d.cfg.Compression.agreed(hs.Extensions); err != nil {
			_ = nc.Close()
			return nil, fmt.Errorf("WebSocket handshake: %w", err)
		}
	}
	var early []byte
	if br != nil {
		early, _ = br.Peek(br.Buffered())
	}
	p := newPeer(line{
		nc: nc, kind: WebSocket, format: f, framing: newWSFraming(f, d.cfg.MaxMessage, true, deflate != nil),
		packing: newPacking(batch, deflate), early: early, remote: nc.RemoteAddr(),
	}, d.cfg, &d.Stats, d.watcher)
	if br != nil {
		ws.PutReader(br)
	}
	return p, nil
}

// header is Header with what Go's own client would say of itself.
func (d *Dialer) header() http.Header {
	if d.Header.Get("User-Agent") != "" {
		return d.Header
	}
	h := d.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("User-Agent", "Go-http-client/1.1")
	return h
}

func (d *Dialer) dialRaw(ctx context.Context, u *url.URL, f wamp.Format, secure bool) (*peer, error) {
	network, address := "tcp", u.Host
	if u.Scheme == "unix" {
		network, address = "unix", u.Path
	}
	nc, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	// The handshake ends when ctx does.
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	framing, nc, err := d.shakeRaw(ctx, nc, u.Hostname(), f, secure)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return newPeer(line{nc: nc, kind: RawSocket, format: f, framing: framing, remote: nc.RemoteAddr()}, d.cfg, &d.Stats, d.watcher), nil
}

func (d *Dialer) shakeRaw(ctx context.Context, nc net.Conn, host string, f wamp.Format, secure bool) (*rawFraming, net.Conn, error) {
	if secure {
		config := &tls.Config{}
		if d.TLS != nil {
			config = d.TLS.Clone()
		}
		if config.ServerName == "" {
			config.ServerName = host
		}
		tc := tls.Client(nc, config)
		if err := tc.HandshakeContext(ctx); err != nil {
			return nil, nc, fmt.Errorf("TLS handshake: %w", err)
		}
		nc = tc
	}
	framing, err := rawConnect(nc, d.cfg, f)
	return framing, nc, err
}
