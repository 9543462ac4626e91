package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certLife is longer than any development cluster lives; nothing here is ever renewed.
const certLife = 365 * 24 * time.Hour

// authority is the cluster's one certificate authority: it signs servers and users alike.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes a fresh authority and writes ca.crt and ca.key to dir.
func newAuthority(dir string) (*authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ca := &authority{dir: dir}
	cert := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "wamp-kube"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	return ca, ca.sign("ca", cert)
}

// user writes NAME.crt and NAME.key for a client that Kubernetes knows as this user and groups.
func (ca *authority) user(name, commonName string, groups ...string) error {
	return ca.sign(name, &x509.Certificate{
		Subject:     pkix.Name{CommonName: commonName, Organization: groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// server writes NAME.crt and NAME.key for a server reached under these names and addresses.
func (ca *authority) server(name string, hosts ...string) error {
	cert := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, h)
		}
	}
	return ca.sign(name, cert)
}

// keyPair writes NAME.key and NAME.pub, with which service account tokens are signed and checked.
func (ca *authority) keyPair(name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	pub, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := ca.write(name+".pub", "PUBLIC KEY", pub); err != nil {
		return err
	}
	return ca.writeKey(name, key)
}

// sign completes cert, makes a key for it and writes both. The first certificate signs itself.
func (ca *authority) sign(name string, cert *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	cert.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	cert.NotBefore = time.Now().Add(-time.Hour)
	cert.NotAfter = time.Now().Add(certLife)
	if ca.cert == nil {
		ca.cert, ca.key = cert, key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return fmt.Errorf("certificate %s: %w", name, err)
	}
	if err := ca.write(name+".crt", "CERTIFICATE", der); err != nil {
		return err
	}
	return ca.writeKey(name, key)
}

func (ca *authority) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return ca.write(name+".key", "EC PRIVATE KEY", der)
}

func (ca *authority) write(file, kind string, der []byte) error {
	return os.WriteFile(filepath.Join(ca.dir, file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// writePKI makes every key and certificate of a cluster with these nodes.
func writePKI(l layout, list []node) error {
	ca, err := newAuthority(l.path("pki"))
	if err != nil {
		return err
	}
	steps := []error{
		ca.keyPair("service-account"),
		ca.server("apiserver", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc."+domain, "localhost", "127.0.0.1", kubernetes, kubernetes6, uplinkAddr, list[0].Addr(), list[0].Addr6()),
		ca.user("admin", "admin", "system:masters"),
		ca.user("kube-controller-manager", "system:kube-controller-manager"),
		ca.user("kube-scheduler", "system:kube-scheduler"),
		ca.user("kube-proxy", "system:kube-proxy"),
		ca.user("coredns", "system:coredns"),
		ca.user("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
	}
	for _, n := range list {
		steps = append(steps,
			ca.server(n.component("kubelet-server"), n.Name(), n.Addr(), n.Addr6()),
			ca.user(n.component("kubelet"), "system:node:"+n.Name(), "system:nodes"))
	}
	for _, err := range steps {
		if err != nil {
			return err
		}
	}
	return nil
}
