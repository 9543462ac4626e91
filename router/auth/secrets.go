package auth

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// secrets reads what the principals of a realm refer to.
type secrets struct {
	namespace string
	get       func(namespace, name string) (map[string][]byte, bool)
	seen      hash.Hash // over all that was read
	read      int       // how many values
}

// value is the content of a key without the white space around it, such as the line feed that
// an editor leaves; with an error it is one that nobody knows. The errors name places, never
// contents.
func (s *secrets) value(ref v1alpha1.SecretKeyReference) ([]byte, error) {
	if s.get == nil {
		return unknown(), fmt.Errorf("there is no Secret %s", s.place(ref))
	}
	data, ok := s.get(s.namespace, ref.Name)
	if !ok {
		return unknown(), fmt.Errorf("there is no Secret %s", s.place(ref))
	}
	content, ok := data[ref.Key]
	if !ok {
		return unknown(), fmt.Errorf("the Secret %s has no key %s", s.place(ref), ref.Key)
	}
	content = bytes.TrimSpace(content)
	if len(content) == 0 {
		return unknown(), fmt.Errorf("the key %s of the Secret %s is empty", ref.Key, s.place(ref))
	}
	_, _ = fmt.Fprintf(s.seen, "%d ", len(content))
	_, _ = s.seen.Write(content)
	s.read++
	return content, nil
}

// key is a value of 32 bytes.
func (s *secrets) key(ref v1alpha1.SecretKeyReference) ([]byte, error) {
	text, err := s.value(ref)
	if err != nil {
		return text, err
	}
	key, err := parseKey(string(text))
	if err != nil {
		return unknown(), fmt.Errorf("the key %s of the Secret %s %w", ref.Key, s.place(ref), err)
	}
	return key, nil
}

func (s *secrets) place(ref v1alpha1.SecretKeyReference) string {
	if s.namespace == "" {
		return ref.Name
	}
	return s.namespace + "/" + ref.Name
}

var errNoKey = errors.New("is not 32 bytes in base64 or hex")

func parseKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if len(text) == 2*keySize {
		key, err = hex.DecodeString(text)
	}
	if err != nil || len(key) != keySize {
		return nil, errNoKey
	}
	return key, nil
}

// keySize is that of SHA-256 and of Ed25519 public keys, in bytes.
const keySize = 32

// unknown is a secret that nobody knows.
func unknown() []byte {
	secret := make([]byte, keySize)
	_, _ = rand.Read(secret)
	return secret
}
