package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// selfSigned gives a certificate and its key as PEM.
func selfSigned(t *testing.T, from, to time.Time) (crt, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, DNSNames: []string{"demo"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// What routers cannot use, or clients do not take, is said with what to do; what they can is not spoken of.
func TestCertificateTrouble(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	day := 24 * time.Hour
	crt, key := selfSigned(t, now.Add(-day), now.Add(day))
	old, oldKey := selfSigned(t, now.Add(-2*day), now.Add(-day))
	early, earlyKey := selfSigned(t, now.Add(day), now.Add(2*day))
	secret := func(crt, key []byte) *corev1.Secret {
		return &corev1.Secret{Data: map[string][]byte{corev1.TLSCertKey: crt, corev1.TLSPrivateKeyKey: key}}
	}
	for name, c := range map[string]struct {
		secret       *corev1.Secret
		reason, says string
	}{
		"as it should be": {secret(crt, key), "", ""},
		"missing":         {nil, ReasonCertificateMissing, "There is no Secret apps/web: create it with tls.crt and tls.key"},
		"without a key":   {secret(crt, nil), ReasonCertificateMissing, "lacks tls.crt or tls.key"},
		"no PEM":          {secret([]byte("junk"), key), ReasonCertificateInvalid, "failed to find any PEM data in certificate input): put a certificate and its key into it as PEM"},
		"another's key":   {secret(crt, oldKey), ReasonCertificateInvalid, "private key does not match public key"},
		"ended":           {secret(old, oldKey), ReasonCertificateExpired, "ended at 2030-01-01T03:04:05Z, and clients refuse it"},
		"not yet":         {secret(early, earlyKey), ReasonCertificateInvalid, "valid from 2030-01-03T03:04:05Z only"},
	} {
		got := certificateTrouble(types.NamespacedName{Namespace: "apps", Name: "web"}, c.secret, false, now)
		if got == nil && c.reason != "" || got != nil && (got.Reason != c.reason || !strings.Contains(got.Message, c.says)) {
			t.Errorf("%s: %+v, want %s: %s", name, got, c.reason, c.says)
		}
	}
	if got := certificateTrouble(types.NamespacedName{Namespace: "apps", Name: "web"}, secret(old, oldKey), true, now); !strings.Contains(got.Message, "see the log of cert-manager") {
		t.Errorf("one that cert-manager issued: %+v", got)
	}
}
