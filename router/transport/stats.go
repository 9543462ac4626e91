package transport

import "sync/atomic"

// Stats counts what a server's connections did since it started. Fields may be read at any
// time. Bytes include frame headers; under TLS they are those inside it.
type Stats struct {
	Open        atomic.Int64  // connections now, those in their handshake included
	Accepted    atomic.Uint64 // connections that completed a handshake
	Refused     atomic.Uint64 // connections that did not
	Overflows   atomic.Uint64 // dropped at HardLimit
	Stalls      atomic.Uint64 // dropped after WriteTimeout
	Silences    atomic.Uint64 // dropped by keepalive
	MessagesIn  atomic.Uint64
	MessagesOut atomic.Uint64
	BytesIn     atomic.Uint64
	BytesOut    atomic.Uint64
}
