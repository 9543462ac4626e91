package cluster

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// hash is over every registration in the cluster as this member knows them: equal on all
// members when nothing changes. It is the sum of the hashes of all, so that a change costs no more
// than what changes.
func (m *machine) hash() uint64 {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], m.sum)
	return xxhash.Sum64(b[:])
}

// hash is over what all members must agree on.
func (e *listEntry) hash() uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(e.Key.Realm)
	_, _ = d.Write([]byte{0, byte(e.Key.Match)})
	_, _ = d.WriteString(e.Key.URI)
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], e.Stamp)
	binary.BigEndian.PutUint64(b[8:], uint64(e.Key.Session))
	_, _ = d.Write(b[:])
	return d.Sum64()
}
