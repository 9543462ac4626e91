package auth

import (
	"crypto/sha256"
	"crypto/tls"
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

// shown is the certificate that a client showed. That the client has its key was proved in the
// TLS handshake; that an authority vouches for what it says of itself, only when verified.
type shown struct {
	from, to    time.Time
	verified    bool
	fingerprint string
	subject     string
	names       []string // alternative ones
}

// show gives the client's certificate; nil when it showed none.
func show(state *tls.ConnectionState) *shown {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	leaf := state.PeerCertificates[0]
	digest := sha256.Sum256(leaf.Raw)
	s := &shown{
		from: leaf.NotBefore, to: leaf.NotAfter, verified: len(state.VerifiedChains) > 0,
		fingerprint: hex.EncodeToString(digest[:]), subject: leaf.Subject.String(),
		names: append(slices.Clone(leaf.DNSNames), leaf.EmailAddresses...),
	}
	for _, uri := range leaf.URIs {
		s.names = append(s.names, uri.String())
	}
	return s
}

// fits tells whether a certificate stands for the principal.
func (c *certificates) fits(s *shown) bool {
	now := time.Now()
	switch {
	case c == nil || now.Before(s.from) || now.After(s.to):
		return false
	case c.fingerprints[s.fingerprint]:
		return true
	case !s.verified:
		return false
	}
	return slices.Contains(c.subjects, s.subject) ||
		slices.ContainsFunc(s.names, func(name string) bool { return slices.Contains(c.names, name) })
}

// admitCertificate lets in the principal whose certificate the client has shown: the one that
// the client names, or else the first that it fits.
func (r *Realm) admitCertificate(a *Attempt) (Identity, bool) {
	if a.Connection == nil {
		return Identity{}, false
	}
	certificate := show(a.Connection.TLS)
	if certificate == nil {
		return Identity{}, false
	}
	for _, p := range r.order {
		if (a.AuthID == "" || a.AuthID == p.authID) && p.certificate.fits(certificate) {
			return Identity{
				AuthID: p.authID, Method: Certificate, Provider: static, Role: p.role,
				holds: func(p *principal) bool { return p.certificate.fits(certificate) },
			}, true
		}
	}
	return Identity{}, false
}
