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

	"github.com/gobwas/ws"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Dialer connects to routers. The zero Dialer is ready; set fields before the first Dial.
type Dialer struct {
	Config Config
	// TLS is for wss, tcps and rss. Nil verifies against the system's certificates.
	TLS *tls.Config
	// Header goes with WebSocket requests.
	Header http.Header
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
// ("tcp://host:8080"). The context, and HandshakeTimeout, bound the connecting only.
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
	default:
		err = fmt.Errorf("unknown scheme %q: write ws, wss, tcp or tcps", u.Scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("dialing %s: %w", address, err)
	}
	d.Stats.Accepted.Add(1)
	return p, nil
}

func (d *Dialer) dialWebSocket(ctx context.Context, u *url.URL, f wamp.Format) (*peer, error) {
	dialer := ws.Dialer{
		Protocols: []string{subprotocol(f)},
		TLSConfig: d.TLS,
		Header:    ws.HandshakeHeaderHTTP(d.Header),
	}
	nc, br, hs, err := dialer.Dial(ctx, u.String())
	if err != nil {
		return nil, fmt.Errorf("WebSocket handshake: %w", err)
	}
	if hs.Protocol != subprotocol(f) {
		_ = nc.Close()
		return nil, fmt.Errorf("WebSocket handshake: the server did not choose %s", subprotocol(f))
	}
	var early []byte
	if br != nil {
		early, _ = br.Peek(br.Buffered())
	}
	p := newPeer(nc, WebSocket, f, newWSFraming(f, d.cfg.MaxMessage, true), d.cfg, &d.Stats, d.watcher, early, nil)
	if br != nil {
		ws.PutReader(br)
	}
	return p, nil
}

func (d *Dialer) dialRaw(ctx context.Context, u *url.URL, f wamp.Format, secure bool) (*peer, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
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
	return newPeer(nc, RawSocket, f, framing, d.cfg, &d.Stats, d.watcher, nil, nil), nil
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
