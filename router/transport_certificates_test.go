package router

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/config"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Clients are asked for a certificate as the configuration says, and only those of its authorities are
// taken.
func TestClientCertificatesOfConfiguration(t *testing.T) {
	dirs := [3]string{t.TempDir(), t.TempDir(), t.TempDir()}
	certFile, keyFile, pool := writeCertificate(t, dirs[0], 1)
	good, goodKey, _ := writeCertificate(t, dirs[1], 2)
	foreign, foreignKey, _ := writeCertificate(t, dirs[2], 3)
	docs, err := config.ParseDocuments("dev.yaml", openRealm)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		auth      v1alpha1.RouterClientAuth
		cert, key string
		want      bool
	}{
		{v1alpha1.ClientAuthRequire, good, goodKey, true},
		{v1alpha1.ClientAuthRequire, "", "", false},
		{v1alpha1.ClientAuthRequire, foreign, foreignKey, false},
		{v1alpha1.ClientAuthRequest, good, goodKey, true},
		{v1alpha1.ClientAuthRequest, "", "", true},
		{"", foreign, foreignKey, false},
		{v1alpha1.ClientAuthNone, foreign, foreignKey, true},
	} {
		r, err := Start(Config{
			Configuration: &v1alpha1.RouterConfiguration{
				Listen: "127.0.0.1:0", Admin: v1alpha1.RouterAdmin{Listen: "127.0.0.1:0"},
				TLS: &v1alpha1.RouterTLS{CertFile: certFile, KeyFile: keyFile, ClientCAFile: good, ClientAuth: c.auth},
			},
			Documents: docs, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		d := transport.Dialer{TLS: &tls.Config{RootCAs: pool}}
		if c.cert != "" {
			pair, err := tls.LoadX509KeyPair(c.cert, c.key)
			if err != nil {
				t.Fatal(err)
			}
			// Shown even where the server says that it would not take it.
			d.TLS.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		conn, err := d.Dial(t.Context(), "tcps://"+r.Address(), wamp.JSON)
		if (err == nil) != c.want {
			t.Errorf("%s, certificate %s: %v", c.auth, c.cert, err)
		}
		if err == nil {
			conn.Abort()
			<-conn.Done()
		}
		r.Close()
	}
}

// A file of authorities that cannot be used is a mistake at the start, and nothing that ends a router
// later.
func TestAuthoritiesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	certFile, _, _ := writeCertificate(t, dir, 1)
	path := filepath.Join(dir, "ca.crt")
	spec := &v1alpha1.RouterTLS{ClientCAFile: path, ClientAuth: v1alpha1.ClientAuthRequire}
	if err := config.ClientCertificates(&tls.Config{}, spec, nil); err == nil || !strings.Contains(err.Error(), "ca.crt") {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := config.ClientCertificates(&tls.Config{}, spec, nil); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Error(err)
	}
	content, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{}
	if err := config.ClientCertificates(server, spec, nil); err != nil {
		t.Fatal(err)
	}
	got, err := server.GetConfigForClient(nil)
	if err != nil || got.ClientAuth != tls.RequireAndVerifyClientCert || got.ClientCAs.Equal(x509.NewCertPool()) {
		t.Error(got, err)
	}
}
