package router_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"text/template"
	"time"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router"
	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/internal/wamptest"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// password is alice's, by whatever method she logs in.
const password = "open sesame"

// aliceKey is alice's for cryptosign, malloryKey nobody's.
var (
	aliceKey   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	malloryKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
)

// gates is a realm with every way in. Alice has most of them, bob those that differ; a callee in
// the realm "people" knows everybody else.
var gates = template.Must(template.New("gates").Parse(`
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: gates}
spec:
  clusterRef: {name: dev}
  realm: gates
  roles:
  - name: user
    trustLevel: 3
    permissions: [{uri: "", match: prefix, allow: [call, register, publish, subscribe, disclose]}]
  - name: guest
  principals:
{{- if not .NoAlice }}
  - authid: alice
    role: user
    ticket: {secretRef: {name: alice, key: password}}
    wampcra: {secretRef: {name: alice, key: password}}
    scram:
      kdf: argon2id13
      salt: {{.Salt}}
      iterations: 1
      memory: 64
      storedKeyRef: {name: alice, key: stored}
      serverKeyRef: {name: alice, key: server}
    cryptosign: {publicKeys: [{{.Key}}]}
    certificate: {fingerprints: [{{.Fingerprint}}], subjects: ["CN=alice"]}
{{- end }}
  - authid: bob
    role: user
    wampcra: {secretRef: {name: bob, key: derived}, salted: {salt: saltsalt, iterations: 100}}
    scram:
      kdf: pbkdf2
      salt: {{.Salt}}
      iterations: 4096
      storedKeyRef: {name: bob, key: stored}
      serverKeyRef: {name: bob, key: server}
  - authid: dora
    role: user
    scram:
      kdf: argon2id-13
      salt: {{.Salt}}
      iterations: 1
      memory: 64
      storedKeyRef: {name: dora, key: stored}
      serverKeyRef: {name: dora, key: server}
  - authid: carol
    role: user
    ticket: {secretRef: {name: carol, key: password}}
  authenticators:
  - {methods: [anonymous], procedure: com.example.authenticate, realm: people}
---
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: dynamic}
spec:
  clusterRef: {name: dev}
  realm: dynamic
  roles: [{name: user}]
  authenticators:
  - {methods: [ticket, wampcra, cryptosign], procedure: com.example.authenticate, realm: people}
---
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: people}
spec:
  clusterRef: {name: dev}
  realm: people
  anonymous: {role: backend}
  roles:
  - {name: backend, permissions: [{uri: com.example.authenticate, allow: [register]}]}
---
apiVersion: v1
kind: Secret
metadata: {name: alice}
stringData: {password: {{.Password}}, stored: {{.Alice.Stored}}, server: {{.Alice.Server}}}
---
apiVersion: v1
kind: Secret
metadata: {name: bob}
stringData: {derived: {{.Derived}}, stored: {{.Bob.Stored}}, server: {{.Bob.Server}}}
---
apiVersion: v1
kind: Secret
metadata: {name: dora}
stringData: {stored: {{.Dora.Stored}}, server: {{.Dora.Server}}}
`))

// site is the routers of a test with the realm above, and what its documents are made of.
type site struct {
	dev  *router.Dev
	file string
	fill map[string]any
	// TLS of a client that trusts the routers; authority signs certificates of clients that
	// the routers trust.
	tls       *tls.Config
	authority *certificate
	alice     *certificate
}

func base64Keys(t testing.TB, kdf auth.KDF) map[string]string {
	t.Helper()
	keys, err := auth.DeriveSCRAM(password, kdf)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"Stored": base64.StdEncoding.EncodeToString(keys.Stored), "Server": base64.StdEncoding.EncodeToString(keys.Server),
	}
}

// openGates starts routers with the realm above; with secure, they speak TLS and nothing else.
func openGates(t *testing.T, replicas int, secure bool) *site {
	t.Helper()
	dir, salt := t.TempDir(), []byte("salt of a test")
	s := &site{file: filepath.Join(dir, "realms.yaml")}
	derived, err := auth.DeriveCRA(password, v1alpha1.CRASalt{Salt: "saltsalt", Iterations: 100, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	s.alice = newCertificate(t, "somebody", nil)
	fingerprint := sha256.Sum256(s.alice.der)
	s.fill = map[string]any{
		"Password": password, "Derived": derived, "Salt": base64.StdEncoding.EncodeToString(salt),
		"Alice": base64Keys(t, auth.KDF{Name: v1alpha1.KDFArgon2, Salt: salt, Iterations: 1, Memory: 64}),
		"Dora":  base64Keys(t, auth.KDF{Name: v1alpha1.KDFArgon2Old, Salt: salt, Iterations: 1, Memory: 64}),
		"Bob":   base64Keys(t, auth.KDF{Name: v1alpha1.KDFPBKDF2, Salt: salt, Iterations: 4096}),
		"Key":   hex.EncodeToString(aliceKey.Public().(ed25519.PublicKey)), "Fingerprint": hex.EncodeToString(fingerprint[:]),
	}
	s.write(t)
	s.authority = newCertificate(t, "authority", nil)
	server := newCertificate(t, "router", s.authority)
	s.tls = &tls.Config{RootCAs: x509.NewCertPool()}
	s.tls.RootCAs.AddCert(s.authority.leaf(t))
	certFile, keyFile := server.write(t, dir, "server")
	caFile, _ := s.authority.write(t, dir, "authority")
	s.alice.trust(t, caFile)
	s.dev = start(t, replicas, func(c *router.DevConfig) {
		c.Documents = []string{s.file}
		if secure {
			c.Configure = func(_ int, c *v1alpha1.RouterConfiguration) {
				c.TLS = &v1alpha1.RouterTLS{CertFile: certFile, KeyFile: keyFile, ClientCAFile: caFile}
			}
		}
	})
	return s
}

// write writes the documents as they are to be now, at once for those who watch.
func (s *site) write(t *testing.T) {
	t.Helper()
	var b bytes.Buffer
	if err := gates.Execute(&b, s.fill); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file+".new", b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.file+".new", s.file); err != nil {
		t.Fatal(err)
	}
}

// logIn logs in on replica i modulo the number of replicas.
func (s *site) logIn(t *testing.T, i int, realm string, l *wamptest.Login) (*wamptest.Client, error) {
	t.Helper()
	return wamptest.LogIn(t, dial(t, s.dev.Routers[i%len(s.dev.Routers)], wamp.Formats[i%len(wamp.Formats)]), realm, l)
}

// secureDial connects with TLS; change may change the client's side.
func (s *site) secureDial(t *testing.T, i int, change func(*tls.Config)) transport.Conn {
	t.Helper()
	d := &transport.Dialer{TLS: s.tls.Clone()}
	if change != nil {
		change(d.TLS)
	}
	conn, err := d.Dial(t.Context(), "tcps://"+s.dev.Routers[i%len(s.dev.Routers)].Address(), wamp.MessagePack)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Abort()
		<-conn.Done()
	})
	return conn
}

// certificate is one with its key; signed by itself without an authority.
type certificate struct {
	der []byte
	key *ecdsa.PrivateKey
}

func newCertificate(t *testing.T, name string, by *certificate) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        by == nil, BasicConstraintsValid: true,
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.leaf(t), by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return &certificate{der: der, key: key}
}

func (c *certificate) leaf(t *testing.T) *x509.Certificate {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func (c *certificate) pair() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{c.der}, PrivateKey: c.key}
}

func (c *certificate) write(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{
		".crt": {Type: "CERTIFICATE", Bytes: c.der}, ".key": {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name+suffix), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
}

// trust adds the certificate to a file of authorities.
func (c *certificate) trust(t *testing.T, caFile string) {
	t.Helper()
	authorities, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	authorities = append(authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.der})...)
	if err := os.WriteFile(caFile, authorities, 0o600); err != nil {
		t.Fatal(err)
	}
}

// gatesEverywhere runs a test on one replica and on three.
func gatesEverywhere(t *testing.T, secure bool, test func(t *testing.T, s *site)) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) { test(t, openGates(t, replicas, secure)) })
	}
}
