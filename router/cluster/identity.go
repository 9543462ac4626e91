package cluster

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"time"
)

// identity is what a replica shows on links, made from a key of the cluster: all that hold the key
// derive the same pair, and nobody else can.
type identity struct {
	key         []byte
	public      ed25519.PublicKey
	certificate tls.Certificate
}

func newIdentity(key []byte, cluster string) (*identity, error) {
	seed, err := hkdf.Key(sha256.New, key, []byte(cluster), "wamp-operator link identity", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "wamp-router link"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return nil, err
	}
	return &identity{
		key: key, public: public,
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private},
	}, nil
}

// linkTLS is the TLS configuration of links, both sides alike. Every handshake asks for the keys of
// its moment; connections that stand are left alone.
func (k *keyring) linkTLS() *tls.Config {
	if k == nil {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return k.shown(), nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return k.shown(), nil
		},
		ClientAuth: tls.RequireAnyClientCert,
		// Names mean nothing here: who holds a key is a member. VerifyConnection checks it.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 {
				for _, id := range *k.held.Load() {
					if id.public.Equal(state.PeerCertificates[0].PublicKey) {
						return nil
					}
				}
			}
			return errors.New("the other side does not hold this cluster's key")
		},
	}
}

func (k *keyring) shown() *tls.Certificate { return &(*k.held.Load())[0].certificate }
