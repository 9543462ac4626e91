package transport

import "sync/atomic"

// Stats counts what a server's connections did since it started. Fields may be read at any
// time. Bytes include frame headers; under TLS they are those inside it.
type Stats struct {
	Open        atomic.Int64  // connections now, those in their handshake included
	Accepted    atomic.Uint64 // connections that completed a handshake
	Refused     atomic.Uint64 // connections that did not, for whatever reason
	Overflows   atomic.Uint64 // dropped at HardLimit
	Stalls      atomic.Uint64 // dropped after WriteTimeout
	Silences    atomic.Uint64 // dropped by keepalive, or long-poll sessions that nobody polled
	Oversizes   atomic.Uint64 // dropped for a message above MaxMessage
	MessagesIn  atomic.Uint64
	MessagesOut atomic.Uint64
	BytesIn     atomic.Uint64
	BytesOut    atomic.Uint64

	// Of those in Refused, the ones that a limit refused:
	RefusedFull    atomic.Uint64 // MaxConnections
	RefusedAddress atomic.Uint64 // MaxPerAddress
	RefusedOrigin  atomic.Uint64 // Origins
	RefusedSlow    atomic.Uint64 // HandshakeTimeout

	// Pauses counts how often a connection was not read for a while because it sent more
	// than MessageRate.
	Pauses atomic.Uint64
}
