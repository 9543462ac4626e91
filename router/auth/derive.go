package auth

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// DeriveCRA derives the key of a salted WAMP-CRA credential, as it stands in a Secret: PBKDF2
// with SHA-256, in base64. keyLength is in bytes.
func DeriveCRA(password string, salt v1alpha1.CRASalt) (string, error) {
	key, err := pbkdf2.Key(sha256.New, password, []byte(salt.Salt), int(salt.Iterations), int(salt.KeyLength))
	if err != nil {
		return "", fmt.Errorf("deriving a key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(key), nil
}

// KDF is how SCRAM salts a password. Memory is in KiB, for Argon2.
type KDF struct {
	Name       v1alpha1.KDF
	Salt       []byte
	Iterations uint32
	Memory     uint32
}

// SaltedPassword is that of RFC 5802, section 3.
func (k KDF) SaltedPassword(password string) ([]byte, error) {
	if k.Name == v1alpha1.KDFArgon2Old {
		// Autobahn|Python takes the text in which Argon2 writes its hash, and the password
		// as it stands.
		hash := argon2.IDKey([]byte(password), k.Salt, k.Iterations, k.Memory, 1, keySize)
		return []byte(base64.RawStdEncoding.EncodeToString(hash)), nil
	}
	password, err := normalize(password)
	if err != nil {
		return nil, err
	}
	switch k.Name {
	case v1alpha1.KDFPBKDF2:
		key, err := pbkdf2.Key(sha256.New, password, k.Salt, int(k.Iterations), keySize)
		if err != nil {
			return nil, fmt.Errorf("deriving a key: %w", err)
		}
		return key, nil
	case v1alpha1.KDFArgon2:
		return argon2.IDKey([]byte(password), k.Salt, k.Iterations, k.Memory, 1, keySize), nil
	}
	return nil, fmt.Errorf("no key derivation function %q: write %s or %s", k.Name, v1alpha1.KDFArgon2, v1alpha1.KDFPBKDF2)
}

// ScramKeys are the keys of RFC 5802, section 3: a client has all of them, a router the last
// two.
type ScramKeys struct{ Client, Stored, Server []byte }

// DeriveSCRAM derives the keys of a SCRAM credential.
func DeriveSCRAM(password string, kdf KDF) (ScramKeys, error) {
	salted, err := kdf.SaltedPassword(password)
	if err != nil {
		return ScramKeys{}, err
	}
	client := mac(salted, "Client Key")
	stored := sha256.Sum256(client)
	return ScramKeys{Client: client, Stored: stored[:], Server: mac(salted, "Server Key")}, nil
}

// normalize is SASLprep (RFC 4013) but for its tables of code points that are not assigned, and
// its rules for text that runs from right to left: what it refuses here, any client refuses.
func normalize(password string) (string, error) {
	mapped := strings.Map(func(c rune) rune {
		switch {
		case c == '\u00ad' || c == '\u034f' || c == '\u1806' || c == '\u2060' || c == '\ufeff',
			c >= '\u180b' && c <= '\u180d', c >= '\u200b' && c <= '\u200d', c >= '\ufe00' && c <= '\ufe0f':
			return -1 // commonly mapped to nothing
		case unicode.Is(unicode.Zs, c):
			return ' '
		}
		return c
	}, password)
	out := norm.NFKC.String(mapped)
	if out == "" {
		return "", errors.New("a password cannot be empty")
	}
	if strings.ContainsFunc(out, func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Co, c) || c == unicode.ReplacementChar
	}) {
		return "", errors.New("a password cannot have control characters in it")
	}
	return out, nil
}
