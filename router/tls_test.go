package router

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/config"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// writeCertificate makes a certificate for 127.0.0.1 with a serial number.
func writeCertificate(t *testing.T, dir string, serial int64) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for path, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(certificate)
	return certFile, keyFile, pool
}

func TestTLS(t *testing.T) {
	certFile, keyFile, pool := writeCertificate(t, t.TempDir(), 1)
	docs, err := config.ParseDocuments("dev.yaml", openRealm)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(Config{
		Configuration: &v1alpha1.RouterConfiguration{
			Listen: "127.0.0.1:0", Admin: v1alpha1.RouterAdmin{Listen: "127.0.0.1:0"},
			TLS: &v1alpha1.RouterTLS{CertFile: certFile, KeyFile: keyFile},
		},
		Documents: docs, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	response, err := http.Get("http://" + r.AdminAddress() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range []string{"wamp_router_certificate_last_reload_ok 1\n", "wamp_router_certificate_expiration_timestamp_seconds 1."} {
		if !strings.Contains(string(body), metric) {
			t.Errorf("no %s", metric)
		}
	}
	d := transport.Dialer{TLS: &tls.Config{RootCAs: pool}}
	for _, scheme := range []string{"wss://", "tcps://"} {
		conn, err := d.Dial(t.Context(), scheme+r.Address(), wamp.JSON)
		if err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		conn.Abort()
		<-conn.Done()
	}
}

// A certificate that is renewed is served without a restart; one that is broken is not.
func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, _ := writeCertificate(t, dir, 1)
	c, err := newCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		c.checked = time.Time{}
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	touch := func(at time.Time) {
		t.Helper()
		if err := os.Chtimes(certFile, at, at); err != nil {
			t.Fatal(err)
		}
	}
	writeCertificate(t, dir, 2)
	touch(time.Now().Add(time.Minute))
	if got := serial(); got != 2 {
		t.Errorf("serving certificate %d after 2 was written", got)
	}
	if err := os.WriteFile(certFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	touch(time.Now().Add(2 * time.Minute))
	if got := serial(); got != 2 {
		t.Errorf("serving certificate %d after a broken one was written", got)
	}
	if ends, ok := c.report(); ok || ends.Before(time.Now()) || ends.After(time.Now().Add(2*time.Hour)) {
		t.Errorf("a certificate that cannot be used: %t; the one in use ends at %s", ok, ends)
	}
	writeCertificate(t, dir, 3)
	touch(time.Now().Add(3 * time.Minute))
	if got := serial(); got != 3 {
		t.Errorf("serving certificate %d after 3 was written", got)
	}
	if _, ok := c.report(); !ok {
		t.Error("a certificate that can be used is said not to be")
	}
}
