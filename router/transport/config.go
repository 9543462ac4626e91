package transport

import (
	"net/netip"
	"time"
)

// Config bounds what connections may use and says which optional parts are served. A zero field
// has its default.
type Config struct {
	// MaxMessage is the largest message accepted, in bytes. Default 16 MiB. RawSocket
	// announces the largest power of two that is not above it, from 512 bytes to 16 MiB.
	// For a batch of messages and for a compressed message, once it is decompressed, the
	// limit holds as a whole.
	MaxMessage int
	// SoftLimit is how many outbound bytes may wait before the connection counts as full.
	// Default 1 MiB.
	SoftLimit int
	// HardLimit is how many outbound bytes may wait before the connection is dropped.
	// Default 64 MiB; never below SoftLimit.
	HardLimit int
	// HandshakeTimeout is for TLS and the transport's handshake together, from the first
	// byte to the last. Default 10 s.
	HandshakeTimeout time.Duration
	// WriteTimeout is how long a peer may take no bytes (128 KiB of them, when that many
	// wait) before it is dropped. Default 10 s. Checked at least once a second.
	WriteTimeout time.Duration
	// CloseTimeout is how long Close goes on writing what is queued. Default 5 s.
	CloseTimeout time.Duration
	// KeepAlive is how long a peer may be silent before it is pinged, and how long between
	// pings; after two pings without any byte in return it is dropped. Default 30 s;
	// negative turns pings off.
	KeepAlive time.Duration
	// MaxConnections is how many connections a server holds, those in their handshake
	// included; a long-poll session counts as one, and so does each of its HTTP
	// connections. Whoever comes beyond is told so and turned away. 0 is no limit.
	MaxConnections int
	// MaxPerAddress is the same for the connections of one IPv4 address, or of one IPv6
	// network of 64 bits (which is what one customer of a provider has). Unix sockets do
	// not count. 0 is no limit.
	MaxPerAddress int
	// MessageRate is how many messages a second a peer may send for long, and MessageBurst
	// how many at once. Beyond them its connection is read more slowly, so that the
	// pressure goes back to the peer; nothing is refused. Rate 0 is no limit; burst
	// defaults to the messages of one second.
	MessageRate, MessageBurst int

	// Origins are the web origins whose pages may connect, see [CheckOrigins]. Requests
	// without an Origin header do not come from web pages and are always taken. None: pages
	// of the host that the request itself names, on any port.
	Origins []string
	// Compression is offered to (or, in a Dialer, asked of) the other side of a WebSocket
	// when it is not nil.
	Compression *Compression
	// LongPoll serves the HTTP long-poll transport when it is not nil. Of servers only.
	LongPoll *LongPollConfig
	// Proxies are the networks from which connections must begin with a PROXY protocol
	// header. Of servers only.
	Proxies []netip.Prefix
}

// Compression is permessage-deflate (RFC 7692). Compressing costs much CPU a message; it pays on
// thin lines and for large texts.
type Compression struct {
	// Level is that of compress/flate, from 1 (fast) to 9 (small). Default 1; 6 with
	// ContextTakeover, because level 1 forgets small messages.
	Level int
	// MinSize is the size in bytes from which on messages are compressed. Default 256.
	MinSize int
	// ContextTakeover lets each message refer to those before it, in both directions. That
	// compresses small messages that resemble one another far better, and takes up to 1.3
	// MiB for each connection on which something was sent.
	ContextTakeover bool
}

// LongPollConfig is the HTTP long-poll transport (WAMP advanced profile, "HTTP Longpoll
// Transport").
type LongPollConfig struct {
	// Path is the base URL's path. Default "/longpoll".
	Path string
	// PollTimeout is how long a request for messages waits before it is answered without
	// one (204), in time for clients and proxies that give up. Default 10 s.
	PollTimeout time.Duration
	// IdleTimeout is how long a session lives that nobody asks for messages. Default 30 s.
	IdleTimeout time.Duration
}

func (c Config) withDefaults() *Config {
	setDefault(&c.MaxMessage, 16<<20)
	setDefault(&c.SoftLimit, 1<<20)
	setDefault(&c.HardLimit, 64<<20)
	setDefault(&c.HandshakeTimeout, 10*time.Second)
	setDefault(&c.WriteTimeout, 10*time.Second)
	setDefault(&c.CloseTimeout, 5*time.Second)
	setDefault(&c.MessageBurst, c.MessageRate)
	if c.KeepAlive == 0 {
		c.KeepAlive = 30 * time.Second
	}
	c.HardLimit = max(c.HardLimit, c.SoftLimit)
	if c.Compression != nil {
		own := *c.Compression
		level := 1
		if own.ContextTakeover {
			level = 6
		}
		setDefault(&own.Level, level)
		own.Level = min(own.Level, 9)
		setDefault(&own.MinSize, 256)
		c.Compression = &own
	}
	if c.LongPoll != nil {
		own := *c.LongPoll
		if own.Path == "" {
			own.Path = "/longpoll"
		}
		setDefault(&own.PollTimeout, 10*time.Second)
		setDefault(&own.IdleTimeout, 30*time.Second)
		c.LongPoll = &own
	}
	return &c
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// sweepInterval is how often connections are looked at for keepalive and stalls.
func (c *Config) sweepInterval() time.Duration {
	d := min(c.WriteTimeout, c.CloseTimeout)
	if c.KeepAlive > 0 {
		d = min(d, c.KeepAlive)
	}
	return min(max(d/4, 5*time.Millisecond), time.Second)
}
