package auth

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// certificates are those that stand for a principal.
type certificates struct {
	fingerprints map[string]bool // SHA-256 in lower-case hex
	subjects     []string
	names        []string
}

func compileCertificates(c *v1alpha1.CertificateCredential) *certificates {
	out := &certificates{fingerprints: make(map[string]bool, len(c.Fingerprints)), subjects: c.Subjects, names: c.Names}
	for _, f := range c.Fingerprints {
		out.fingerprints[strings.ToLower(strings.ReplaceAll(f, ":", ""))] = true
	}
	return out
}

// fits tells whether the certificate that the client showed stands for the principal. That the
// client has its key was proved in the TLS handshake; that an authority vouches for what it says
// of itself, only when there is a verified chain.
func (c *certificates) fits(state *tls.ConnectionState) bool {
	if c == nil || state == nil || len(state.PeerCertificates) == 0 {
		return false
	}
	leaf := state.PeerCertificates[0]
	if now := time.Now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return false
	}
	digest := sha256.Sum256(leaf.Raw)
	if c.fingerprints[hex.EncodeToString(digest[:])] {
		return true
	}
	if len(state.VerifiedChains) == 0 {
		return false
	}
	return slices.Contains(c.subjects, leaf.Subject.String()) ||
		slices.ContainsFunc(alternativeNames(leaf), func(name string) bool { return slices.Contains(c.names, name) })
}

func alternativeNames(leaf *x509.Certificate) []string {
	names := append(slices.Clone(leaf.DNSNames), leaf.EmailAddresses...)
	for _, uri := range leaf.URIs {
		names = append(names, uri.String())
	}
	return names
}

// admitCertificate lets in the principal whose certificate the client has shown: the one that
// the client names, or else the first that it fits.
func (r *Realm) admitCertificate(a *Attempt) (Identity, bool) {
	if a.Connection == nil {
		return Identity{}, false
	}
	state := a.Connection.TLS
	for _, p := range r.order {
		if (a.AuthID == "" || a.AuthID == p.authID) && p.certificate.fits(state) {
			return Identity{
				AuthID: p.authID, Method: Certificate, Provider: static, Role: p.role,
				holds: func(p *principal) bool { return p.certificate.fits(state) },
			}, true
		}
	}
	return Identity{}, false
}
