package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"sort"
)

// HashDocuments gives the hash by which operator and router agree on what is served: over
// the names and the contents of the files, in the order of their names.
func HashDocuments(files map[string][]byte) string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	h := sha256.New()
	for _, name := range names {
		content := sha256.Sum256(files[name])
		h.Write([]byte(name))
		h.Write([]byte{0})
		h.Write(content[:])
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
