package interop

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"golang.org/x/crypto/argon2"
)

// realms are the documents that the routers of these tests serve: realm1 is open to everybody, and
// com.myapp.users knows alice, bob and carol, who prove it in every way there is.
var realms = template.Must(template.New("realms.yaml").Parse(`
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: realm1}
spec:
  clusterRef: {name: dev}
  realm: realm1
  anonymous: {role: anonymous}
  roles:
  - name: anonymous
    permissions:
    - {uri: "", match: prefix, allow: [call, register, publish, subscribe, disclose]}
  eventHistory:
  - {uri: com.myapp..history, match: wildcard}
---
apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: users}
spec:
  clusterRef: {name: dev}
  realm: com.myapp.users
  roles:
  - name: staff
    permissions:
    - {uri: "", match: prefix, allow: [call, register, publish, subscribe, disclose]}
  - name: guest
    permissions:
    - {uri: com.myapp., match: prefix, allow: [call, publish, subscribe]}
  principals:
  - authid: alice
    role: staff
    ticket: {secretRef: {name: users, key: alice-ticket}}
    wampcra: {secretRef: {name: users, key: alice-password}}
    cryptosign: {publicKeys: [{{.PublicKey}}]}
    scram:
      kdf: argon2id-13
      salt: {{.Salt}}
      iterations: 2
      memory: 64
      storedKeyRef: {name: users, key: alice-stored-key}
      serverKeyRef: {name: users, key: alice-server-key}
    {{- if .ClientFingerprint}}
    certificate: {fingerprints: ["{{.ClientFingerprint}}"]}
    {{- end}}
  - authid: bob
    role: guest
    ticket: {secretRef: {name: users, key: bob-ticket}}
    wampcra:
      secretRef: {name: users, key: bob-derived-key}
      salted: {salt: salt-of-bob, iterations: 1000}
  authenticators:
  - {methods: [ticket], procedure: com.myapp.authenticate, realm: realm1}
---
apiVersion: v1
kind: Secret
metadata: {name: users}
stringData:
  alice-ticket: ticket of alice
  alice-password: password of alice
  alice-stored-key: {{.StoredKey}}
  alice-server-key: {{.ServerKey}}
  bob-ticket: ticket of bob
  bob-derived-key: {{.DerivedKey}}
`))

// alicesKey is the seed of the key that alice signs with.
const alicesKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// writeRealms writes the documents into a folder and returns the path.
func writeRealms(dir string) (string, error) {
	seed, err := hex.DecodeString(alicesKey)
	if err != nil {
		return "", err
	}
	salt := []byte("0123456789abcdef")
	// Autobahn|Python, like Crossbar.io, takes the hash as the text that stands in the encoded
	// form of Argon2, and not the bytes that it stands for.
	salted := []byte(base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte("password of alice"), salt, 2, 64, 1, 32)))
	storedKey := sha256.Sum256(sign(salted, "Client Key"))
	derived, err := pbkdf2.Key(sha256.New, "password of bob", []byte("salt-of-bob"), 1000, 32)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	err = realms.Execute(&text, map[string]string{
		"PublicKey":         hex.EncodeToString(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)),
		"Salt":              base64.StdEncoding.EncodeToString(salt),
		"StoredKey":         base64.StdEncoding.EncodeToString(storedKey[:]),
		"ServerKey":         base64.StdEncoding.EncodeToString(sign(salted, "Server Key")),
		"DerivedKey":        base64.StdEncoding.EncodeToString(derived),
		"ClientFingerprint": certificates.clientFingerprint,
	})
	if err != nil {
		return "", fmt.Errorf("writing the realms: %w", err)
	}
	path := filepath.Join(dir, "realms.yaml")
	return path, os.WriteFile(path, text.Bytes(), 0o600)
}

func sign(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
