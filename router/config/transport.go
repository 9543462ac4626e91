package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/transport"
)

// Transport is what a configuration with its defaults filled in says about the connections of clients.
func Transport(cfg *v1alpha1.RouterConfiguration) transport.Config {
	l := &cfg.Limits
	c := transport.Config{
		MaxMessage: bytesOf(l.MessageSize), SoftLimit: bytesOf(l.OutboundSoft), HardLimit: bytesOf(l.OutboundHard),
		HandshakeTimeout: l.HandshakeTimeout.Duration, WriteTimeout: l.WriteTimeout.Duration, KeepAlive: l.KeepAlive.Duration,
		MaxConnections: int(*l.Connections), MaxPerAddress: int(*l.ConnectionsPerAddress),
		MessageRate: int(*l.MessagesPerSecond), MessageBurst: int(*l.MessageBurst),
		Origins: cfg.WebSocket.AllowedOrigins,
	}
	if c.KeepAlive == 0 {
		c.KeepAlive = -1
	}
	if z := cfg.WebSocket.Compression; z != nil {
		c.Compression = &transport.Compression{Level: int(z.Level), MinSize: bytesOf(z.MinSize), ContextTakeover: z.ContextTakeover}
	}
	if p := cfg.LongPoll; p != nil {
		c.LongPoll = &transport.LongPollConfig{Path: p.Path, PollTimeout: p.PollTimeout.Duration, IdleTimeout: p.IdleTimeout.Duration}
	}
	if p := cfg.ProxyProtocol; p != nil {
		for _, text := range p.TrustedSources {
			if prefix, err := network(text); err == nil {
				c.Proxies = append(c.Proxies, prefix)
			}
		}
	}
	return c
}

// ListenUnix listens on the Unix socket of a configuration with its defaults filled in.
func ListenUnix(u *v1alpha1.RouterUnixSocket) (net.Listener, error) {
	mode, err := fileMode(u.Mode)
	if err != nil {
		return nil, fmt.Errorf("the mode %q of the Unix socket: %w", u.Mode, err)
	}
	return transport.ListenUnix(u.Path, os.FileMode(mode))
}

// clientCACheck is how often the file of the authorities is looked at, at most.
const clientCACheck = 5 * time.Second

// ClientCertificates makes a server's TLS configuration ask for the certificates of clients as t says,
// and take those of the authorities in its file alone. The file is read again when it changes; one
// that cannot be used leaves the last good one in use, and failed is told.
func ClientCertificates(server *tls.Config, t *v1alpha1.RouterTLS, failed func(error)) error {
	if t.ClientAuth == v1alpha1.ClientAuthNone || t.ClientAuth == "" {
		return nil
	}
	ca := &clientCA{path: t.ClientCAFile, failed: failed}
	if err := ca.load(); err != nil {
		return err
	}
	base := server.Clone()
	base.NextProtos = []string{"http/1.1"}
	base.ClientAuth = tls.VerifyClientCertIfGiven
	if t.ClientAuth == v1alpha1.ClientAuthRequire {
		base.ClientAuth = tls.RequireAndVerifyClientCert
	}
	server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return ca.config(base), nil }
	return nil
}

// clientCA is a file of authorities that is read again when it changes.
type clientCA struct {
	path   string
	failed func(error)

	mu       sync.Mutex
	pool     *x509.CertPool
	served   *tls.Config // with pool
	modified time.Time
	checked  time.Time
}

func (c *clientCA) load() error {
	info, err := os.Stat(c.path)
	if err != nil {
		return &Problem{File: c.path, Message: "the authorities of clients cannot be read: " + err.Error()}
	}
	content, err := readFile(c.path)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	c.checked, c.modified = time.Now(), info.ModTime()
	if !pool.AppendCertsFromPEM(content) {
		return &Problem{File: c.path, Message: "the file holds no certificate: write the authorities' certificates in PEM"}
	}
	c.pool, c.served = pool, nil
	return nil
}

// config is base with the authorities as they are now. The same one is given while they do not change,
// so that sessions can be resumed.
func (c *clientCA) config(base *tls.Config) *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) >= clientCACheck {
		c.checked = time.Now()
		if info, err := os.Stat(c.path); err != nil || !info.ModTime().Equal(c.modified) {
			if err := c.load(); err != nil {
				c.failed(err)
			}
		}
	}
	if c.served == nil {
		c.served = base.Clone()
		c.served.ClientCAs = c.pool
	}
	return c.served
}
