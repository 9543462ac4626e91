package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// Kind is the transport that a connection uses.
type Kind string

const (
	WebSocket Kind = "websocket"
	RawSocket Kind = "rawsocket"
	LongPoll  Kind = "longpoll"
)

// Info is what a connection is, besides the messages on it. It does not change while the
// connection lives.
type Info struct {
	// Protocol is what the client speaks. A Unix socket carries the same protocols; Peer
	// tells it.
	Protocol Kind
	// Subprotocol is the serialization in WAMP's words, like "wamp.2.json" or
	// "wamp.2.cbor.batched", on all transports.
	Subprotocol string
	// Peer is the client's end: what a trusted proxy said, else the other end of the TCP
	// connection. On a Unix socket its Network is "unix", and most clients have no address there: "@".
	Peer net.Addr
	// Local is the router's end.
	Local net.Addr
	// TLS is nil on a connection in the clear; for long-poll it is that of the connection
	// which opened the session. Certificates in PeerCertificates were
	// verified if, and only if, VerifiedChains is not empty.
	TLS *tls.ConnectionState
	// Header has, on a connection that began as an HTTP request to this server, its headers
	// Origin, Cookie, User-Agent and X-Forwarded-For; it is nil otherwise. Not to be changed.
	Header http.Header
}

// ErrNoBinding: the connection has no channel binding of the kind that was asked for.
var ErrNoBinding = errors.New("the connection has no such channel binding")

var errManyConnections = errors.New("a long-poll session uses many connections")

// exporterLabel is that of RFC 9266, section 4.2.
const exporterLabel = "EXPORTER-Channel-Binding"

// TLSExporter is the channel binding tls-exporter: 32 bytes that both ends of this one TLS
// connection can compute and nobody in between can (RFC 9266). It exists from TLS 1.3 on, and on
// TLS 1.2 with an extended master secret; otherwise the error wraps [ErrNoBinding].
func (i *Info) TLSExporter() ([]byte, error) {
	switch {
	case i.TLS == nil:
		return nil, fmt.Errorf("tls-exporter: %w: it is not encrypted", ErrNoBinding)
	case i.Protocol == LongPoll:
		return nil, fmt.Errorf("tls-exporter: %w: %w", ErrNoBinding, errManyConnections)
	}
	b, err := i.TLS.ExportKeyingMaterial(exporterLabel, []byte{}, 32)
	if err != nil {
		return nil, fmt.Errorf("tls-exporter: %w: %w", ErrNoBinding, err)
	}
	return b, nil
}

// TLSUnique is the channel binding tls-unique (RFC 5929, section 3): the first Finished message of
// the handshake. TLS 1.3 has none, nor has a resumed TLS 1.2 connection without an extended master
// secret; the error wraps [ErrNoBinding] then.
func (i *Info) TLSUnique() ([]byte, error) {
	switch {
	case i.TLS == nil:
		return nil, fmt.Errorf("tls-unique: %w: it is not encrypted", ErrNoBinding)
	case i.Protocol == LongPoll:
		return nil, fmt.Errorf("tls-unique: %w: %w", ErrNoBinding, errManyConnections)
	case i.TLS.Version >= tls.VersionTLS13:
		return nil, fmt.Errorf("tls-unique: %w: TLS 1.3 does not define it, use tls-exporter", ErrNoBinding)
	case len(i.TLS.TLSUnique) == 0:
		return nil, fmt.Errorf("tls-unique: %w", ErrNoBinding)
	}
	return i.TLS.TLSUnique, nil
}
