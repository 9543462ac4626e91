package snapshot

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/wamp-operator/wamp-operator/controllers/conditions"
)

// Secret is what was read of a Secret that realms refer to: the values of the keys that they name.
type Secret struct {
	Values map[string][]byte
	// Trouble says, as a sentence does after a colon, why there are no values and what to do;
	// empty when the Secret was read.
	Trouble string
	// Reason is that of the condition ResolvedRefs when there is trouble.
	Reason string
}

// Secrets by their names.
type Secrets map[types.NamespacedName]Secret

// Reasons of the condition ResolvedRefs.
const (
	ReasonResolved         = "Resolved"
	ReasonSecretNotFound   = "SecretNotFound"
	ReasonSecretUnreadable = "SecretUnreadable"
	ReasonKeyNotFound      = "KeyNotFound"
	ReasonValueUnusable    = "ValueUnusable"
)

// saltPrefix begins the line of the salt. The hash that routers report, and that stands in a status,
// is over the credentials too: without something in them that nobody knows, a short secret could be
// guessed from it.
const saltPrefix = "# salt "

// NewSalt makes a salt of 128 random bits.
func NewSalt() string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(salt)
}

// SaltOf finds the salt in credentials that were published; empty when there is none.
func SaltOf(credentials []byte) string {
	for line := range strings.Lines(string(credentials)) {
		if salt, found := strings.CutPrefix(line, saltPrefix); found {
			return strings.TrimSpace(salt)
		}
	}
	return ""
}

// Resolve completes a compiled snapshot with the Secrets that it refers to: the credentials, the
// hash, and for every realm what is missing. The salt has to be the same as long as the cluster
// lives.
func (s *Snapshot) Resolve(salt string, secrets Secrets) {
	s.Credentials = credentials(salt, s.References(), secrets)
	s.Hash = hashOf(s.Parts, s.Credentials)
	s.values = digests(secrets)
	for key, entry := range s.Entries {
		entry.Document = s.document(s.values, key)
		if refs := s.references[key]; entry.Accepted.IsTrue() {
			entry.ResolvedRefs = resolved(refs, secrets)
		}
		s.Entries[key] = entry
	}
}

// credential is a Secret as routers read it. It is written as JSON, which is YAML that leaves
// nothing to quoting rules.
type credential struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   credentialName    `json:"metadata"`
	Data       map[string][]byte `json:"data"`
}

type credentialName struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// credentials writes the values that are referred to, and no others.
func credentials(salt string, references map[types.NamespacedName][]string, secrets Secrets) []byte {
	var out bytes.Buffer
	out.WriteString("# Written by wamp-operator; changes are overwritten.\n" + saltPrefix + salt + "\n")
	for _, name := range sortedNames(references) {
		data := map[string][]byte{}
		for _, key := range references[name] {
			if value, there := secrets[name].Values[key]; there {
				data[key] = value
			}
		}
		if len(data) == 0 {
			continue
		}
		document, err := json.Marshal(credential{"v1", "Secret", credentialName{name.Name, name.Namespace}, data})
		if err != nil {
			// Strings and octets: only a change of the types could make this fail.
			panic(fmt.Sprintf("marshalling a Secret: %T", err))
		}
		out.WriteString(separator)
		out.Write(document)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// parseCredentials reads what credentials wrote. What does not look like it is left out.
func parseCredentials(content []byte) Secrets {
	secrets := Secrets{}
	for line := range bytes.Lines(content) {
		var c credential
		if json.Unmarshal(line, &c) == nil && c.Metadata.Name != "" {
			secrets[types.NamespacedName{Namespace: c.Metadata.Namespace, Name: c.Metadata.Name}] = Secret{Values: c.Data}
		}
	}
	return secrets
}

// place is one value of a Secret.
type place struct {
	secret types.NamespacedName
	key    string
}

// digests stand for the values where only the difference between them counts.
func digests(secrets Secrets) map[place][sha256.Size]byte {
	out := map[place][sha256.Size]byte{}
	for name, secret := range secrets {
		for key, value := range secret.Values {
			out[place{name, key}] = sha256.Sum256(value)
		}
	}
	return out
}

// listed is how many missing values a condition names.
const listed = 3

// resolved says what the principals of a realm lack.
func resolved(refs []reference, secrets Secrets) conditions.State {
	var reason string
	var sentences []string
	missing := 0
	for _, r := range refs {
		why, says := r.trouble(secrets[r.secret])
		if why == "" {
			continue
		}
		if missing++; missing == 1 {
			reason = why
		}
		if missing <= listed {
			sentences = append(sentences, fmt.Sprintf("The principal %s cannot log in by %s: %s", r.authid, r.method, says))
		}
	}
	if missing == 0 {
		return conditions.True(ReasonResolved, "Every Secret that the principals need is there.")
	}
	if missing > listed {
		sentences = append(sentences, fmt.Sprintf("And %d more are missing.", missing-listed))
	}
	return conditions.False(reason, strings.Join(append(sentences, "Everybody else can join the realm."), " "))
}

// trouble says what is wrong with the value, and nothing of what it is.
func (r reference) trouble(secret Secret) (reason, says string) {
	value, there := secret.Values[r.key]
	value = bytes.TrimSpace(value)
	switch {
	case secret.Trouble != "":
		return secret.Reason, secret.Trouble
	case secret.Values == nil:
		return ReasonSecretNotFound, fmt.Sprintf("there is no Secret %s: create it with the key %s.", r.secret, r.key)
	case !there:
		return ReasonKeyNotFound, fmt.Sprintf("the Secret %s has no key %s: add it.", r.secret, r.key)
	case len(value) == 0:
		return ReasonValueUnusable, fmt.Sprintf("the key %s of the Secret %s is empty: put the secret into it.", r.key, r.secret)
	case r.octets && !isKey(value):
		return ReasonValueUnusable, fmt.Sprintf("the key %s of the Secret %s is not 32 bytes in base64 or hex: put the key of RFC 5802 into it.", r.key, r.secret)
	}
	return "", ""
}

// isKey tells whether a text is 32 octets in base64 or hex.
func isKey(text []byte) bool {
	const size = 32
	if len(text) == 2*size {
		_, err := hex.DecodeString(string(text))
		return err == nil
	}
	octets, err := base64.StdEncoding.DecodeString(string(text))
	return err == nil && len(octets) == size
}
