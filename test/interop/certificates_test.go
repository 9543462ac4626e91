package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certificates are files: an authority, the routers' certificate from it, and one of a client.
var certificates struct {
	ca, server, serverKey, client, clientKey string
	clientFingerprint                        string
}

func writeCertificates(dir string) error {
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "interop"}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	issue := func(name string, serial int64, change func(*x509.Certificate)) (certFile, keyFile string, der []byte, err error) {
		key := caKey
		c := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
			KeyUsage: x509.KeyUsageDigitalSignature,
		}
		if change == nil {
			c = ca
		} else {
			change(c)
			if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
				return "", "", nil, err
			}
		}
		if der, err = x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, caKey); err != nil {
			return "", "", nil, err
		}
		keyDER, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return "", "", nil, err
		}
		certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
		if err := os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			return "", "", nil, err
		}
		return certFile, keyFile, der, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600)
	}
	c := &certificates
	if c.ca, _, _, err = issue("ca", 1, nil); err != nil {
		return err
	}
	if c.server, c.serverKey, _, err = issue("server", 2, func(s *x509.Certificate) {
		s.IPAddresses, s.ExtKeyUsage = []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}); err != nil {
		return err
	}
	var der []byte
	if c.client, c.clientKey, der, err = issue("client", 3, func(s *x509.Certificate) {
		s.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}); err != nil {
		return err
	}
	fingerprint := sha256.Sum256(der)
	c.clientFingerprint = hex.EncodeToString(fingerprint[:])
	return nil
}
