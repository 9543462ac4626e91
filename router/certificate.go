package router

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateCheck is how often the files of a certificate are looked at, at most: in a
// handshake that comes later than that.
const certificateCheck = 5 * time.Second

// certificate is a certificate that is read again when its files change. A pair that cannot be
// used leaves the last good one in use.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	read    [2]time.Time // modification times
	checked time.Time
	failed  bool // the newest files could not be used
}

func newCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *certificate) load() error {
	read := c.modified()
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("reading the certificate of the client port: %w", err)
	}
	c.current, c.read, c.checked = &pair, read, time.Now()
	return nil
}

// get implements tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.current, nil
}

// refresh reads the files again when they changed; called with mu held.
func (c *certificate) refresh() {
	if time.Since(c.checked) < certificateCheck {
		return
	}
	c.checked = time.Now()
	if c.modified() == c.read {
		return
	}
	err := c.load()
	if c.failed = err != nil; c.failed {
		c.log.Error("the new certificate cannot be used, the last one stays in use", "error", err)
	} else {
		c.log.Info("serving a new certificate", "file", c.certFile)
	}
}

// report says when the certificate that is in use ends, and whether the newest files could be used.
func (c *certificate) report() (ends time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.current.Leaf.NotAfter, !c.failed
}

func (c *certificate) modified() (times [2]time.Time) {
	for i, path := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(path); err == nil {
			times[i] = info.ModTime()
		}
	}
	return times
}
