package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"testing"
	"time"
)

const secureManifest = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampCluster
metadata: {name: secure}
spec:
  replicas: 2
  listener: {tls: {secretName: certificate}}
---
`

// authority signs the certificates of a WampCluster.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	issued      int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "e2e"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	must(t, err)
	a.certificate, err = x509.ParseCertificate(der)
	must(t, err)
	a.issued = 1
	return a
}

// secret is a Secret with a new certificate, and its serial number.
func (a *authority) secret(t *testing.T, dnsName string) (manifest string, serial int64) {
	t.Helper()
	a.issued++
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.issued), Subject: pkix.Name{CommonName: dnsName}, DNSNames: []string{dnsName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	encoded := func(kind string, der []byte) string {
		var b bytes.Buffer
		must(t, pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}))
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	return fmt.Sprintf(`
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata: {name: certificate}
data: {tls.crt: %s, tls.key: %s}
---
`, encoded("CERTIFICATE", der), encoded("PRIVATE KEY", private)), a.issued
}

// certificateRenewed replaces the certificate of the port for clients while calls go on over it.
func certificateRenewed(t *testing.T, ctx context.Context, b *bench) {
	b.Step("Another certificate, under load")
	s := &site{bench: b, namespace: "wamp-secure", cluster: "secure"}
	s.fresh(t, ctx)
	name := "secure." + s.namespace
	a := newAuthority(t)
	first, serial := a.secret(t, name)
	must(t, s.Cluster.Apply(ctx, s.namespace, first+secureManifest+trafficManifest(s.cluster)))
	s.whole(t, ctx, 2, time.Minute)
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	config := &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS13}
	shown := func(address string) int64 {
		t.Helper()
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", address)
		must(t, err)
		defer func() { _ = conn.Close() }()
		secure := tls.Client(conn, config)
		must(t, secure.HandshakeContext(ctx))
		return secure.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	var addresses []string
	for _, p := range s.pods(t, ctx) {
		addresses = append(addresses, clientPort(p.Status.PodIP))
		if got := shown(clientPort(p.Status.PodIP)); got != serial {
			t.Errorf("%s shows the certificate %d, want %d", p.Name, got, serial)
		}
	}
	before := s.lives(t, ctx)
	calls := s.traffic(t, ctx, func(ctx context.Context, conn net.Conn) (net.Conn, error) {
		secure := tls.Client(conn, config)
		return secure, secure.HandshakeContext(ctx)
	})
	next, serial := a.secret(t, name)
	begin := time.Now()
	s.Command("kubectl apply -f certificate.yaml")
	must(t, s.Cluster.Apply(ctx, s.namespace, next))
	s.eventually(t, ctx, 3*time.Minute, "the new certificate at every router", func() (bool, string) {
		for _, address := range addresses {
			if got := shown(address); got != serial {
				return false, fmt.Sprintf("%s shows the certificate %d", address, got)
			}
		}
		return true, ""
	})
	s.took(t, certificateTime, time.Since(begin))
	calls.end(t, ctx, certificateFailed)
	s.figure(t, certificateRestarts, restarted(before, s.lives(t, ctx)))
	_, err := s.Cluster.Kubectl(ctx, "delete", "namespace", s.namespace, "--timeout=60s")
	must(t, err)
}

// fresh makes the namespace anew.
func (s *site) fresh(t *testing.T, ctx context.Context) {
	t.Helper()
	_, err := s.Cluster.Kubectl(ctx, "delete", "namespace", s.namespace, "--ignore-not-found", "--timeout=60s")
	must(t, err)
	_, err = s.Cluster.Kubectl(ctx, "create", "namespace", s.namespace)
	must(t, err)
}
