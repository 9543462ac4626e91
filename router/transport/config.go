package transport

import "time"

// Config bounds what a connection may use. A zero field has its default.
type Config struct {
	// MaxMessage is the largest message accepted, in bytes. Default 16 MiB. RawSocket
	// announces the largest power of two that is not above it, from 512 bytes to 16 MiB,
	// and its frames end at 16 MiB - 1.
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
	// included. 0 is no limit.
	MaxConnections int
}

func (c Config) withDefaults() *Config {
	setDefault(&c.MaxMessage, 16<<20)
	setDefault(&c.SoftLimit, 1<<20)
	setDefault(&c.HardLimit, 64<<20)
	setDefault(&c.HandshakeTimeout, 10*time.Second)
	setDefault(&c.WriteTimeout, 10*time.Second)
	setDefault(&c.CloseTimeout, 5*time.Second)
	if c.KeepAlive == 0 {
		c.KeepAlive = 30 * time.Second
	}
	c.HardLimit = max(c.HardLimit, c.SoftLimit)
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
