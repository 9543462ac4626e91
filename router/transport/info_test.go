package transport

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

func tlsOf(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}
func tlsClient(pool *x509.CertPool) *tls.Config { return &tls.Config{RootCAs: pool} }

// Both ends of a connection compute the same channel bindings, where their version of TLS has them.
func TestChannelBinding(t *testing.T) {
	cert, pool := certificate(t)
	infos := make(chan *Info, 1)
	address := startServer(t, &Server{TLS: tlsOf(cert), Handler: func(c Conn) { infos <- c.Info(); echo(c) }})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, scheme := range []string{"wss", "tcps"} {
			config := tlsClient(pool)
			config.MaxVersion = version
			client := dial(t, &Dialer{TLS: config}, scheme+"://"+address, wamp.JSON).Info()
			server := within(t, infos)
			ours, err := server.TLSExporter()
			theirs, theirErr := client.TLSExporter()
			if err != nil || theirErr != nil || len(ours) != 32 || !bytes.Equal(ours, theirs) {
				t.Errorf("%x: tls-exporter % x, %v and % x, %v", version, ours, err, theirs, theirErr)
			}
			ours, err = server.TLSUnique()
			theirs, theirErr = client.TLSUnique()
			if version == tls.VersionTLS13 {
				if !errors.Is(err, ErrNoBinding) || !errors.Is(theirErr, ErrNoBinding) {
					t.Errorf("tls-unique in TLS 1.3: %v, %v", err, theirErr)
				}
			} else if err != nil || len(ours) == 0 || !bytes.Equal(ours, theirs) {
				t.Errorf("%x: tls-unique % x, %v and % x, %v", version, ours, err, theirs, theirErr)
			}
		}
	}
	plain := dial(t, &Dialer{}, "tcp://"+startServer(t, &Server{Handler: echo}), wamp.JSON).Info()
	if _, err := plain.TLSExporter(); !errors.Is(err, ErrNoBinding) {
		t.Error(err)
	}
	if _, err := plain.TLSUnique(); !errors.Is(err, ErrNoBinding) {
		t.Error(err)
	}
}

// A session can see the certificate that its client showed.
func TestClientCertificate(t *testing.T) {
	cert, pool := certificate(t)
	own := tlsOf(cert)
	own.ClientAuth, own.ClientCAs = tls.VerifyClientCertIfGiven, pool
	infos := make(chan *Info, 1)
	address := startServer(t, &Server{TLS: own, Handler: func(c Conn) { infos <- c.Info() }})
	for _, shown := range []bool{true, false} {
		config := tlsClient(pool)
		if shown {
			config.Certificates = []tls.Certificate{cert}
		}
		dial(t, &Dialer{TLS: config}, "tcps://"+address, wamp.JSON)
		if i := within(t, infos); (len(i.TLS.VerifiedChains) > 0) != shown || (len(i.TLS.PeerCertificates) > 0) != shown {
			t.Errorf("shown %v: %d certificates, %d chains", shown, len(i.TLS.PeerCertificates), len(i.TLS.VerifiedChains))
		}
	}
}
