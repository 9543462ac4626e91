package v1alpha1

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// maxKeys bounds the keys of a file: two are all that a replacement needs.
const maxKeys = 8

// KeyFileError says what is wrong with the file that RouterClusterConfiguration.KeyFile names.
type KeyFileError struct {
	Line    int // from 1; 0 when it is the file as a whole
	Message string
}

func (e *KeyFileError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Message)
}

// ParseKeys reads the file that RouterClusterConfiguration.KeyFile names: a key of 16, 24 or 32
// bytes in base64 a line, at most 8 of them; empty lines and lines that begin with # do not count,
// nor does a key that stands there again. The error is a *KeyFileError and repeats no key.
func ParseKeys(content []byte) ([][]byte, error) {
	var keys [][]byte
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return nil, &KeyFileError{number, "the key is not base64: write what `openssl rand -base64 32` prints"}
		}
		switch len(key) {
		case 16, 24, 32:
		default:
			return nil, &KeyFileError{number, fmt.Sprintf("the key has %d bytes: it must have 16, 24 or 32, for example what `openssl rand -base64 32` prints", len(key))}
		}
		if !slices.ContainsFunc(keys, func(other []byte) bool { return bytes.Equal(other, key) }) {
			keys = append(keys, key)
		}
		if len(keys) > maxKeys {
			return nil, &KeyFileError{number, fmt.Sprintf("there are more than %d keys: remove those that no replica uses any more", maxKeys)}
		}
	}
	if len(keys) == 0 {
		return nil, &KeyFileError{Message: "there is no key in the file: write what `openssl rand -base64 32` prints"}
	}
	return keys, nil
}

// FormatKeys writes what ParseKeys reads.
func FormatKeys(keys [][]byte) []byte {
	lines := make([]string, len(keys))
	for i, key := range keys {
		lines[i] = base64.StdEncoding.EncodeToString(key)
	}
	return []byte(strings.Join(lines, "\n"))
}

// KeyFingerprints are what RouterReplicaState.Keys tells of keys.
func KeyFingerprints(keys [][]byte) []string {
	var out []string
	for _, key := range keys {
		sum := sha256.Sum256(key)
		out = append(out, hex.EncodeToString(sum[:])[:16])
	}
	return out
}
