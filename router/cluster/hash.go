package cluster

import (
	"sort"

	"github.com/cespare/xxhash/v2"
)

// hash is over every registration in the cluster as this member knows them: equal on all
// members when nothing changes.
func (m *machine) hash() uint64 {
	type line struct {
		key   listKey
		stamp uint64
	}
	var lines []line
	collect := func(entries map[listKey]listEntry) {
		for k, e := range entries {
			if k.Kind == entryRegistration {
				lines = append(lines, line{k, e.Stamp})
			}
		}
	}
	collect(m.own.entries)
	for _, p := range m.peers {
		collect(p.list)
	}
	sort.Slice(lines, func(i, j int) bool {
		a, b := &lines[i], &lines[j]
		if a.stamp != b.stamp {
			return a.stamp < b.stamp
		}
		return a.key.Session < b.key.Session || a.key.Session == b.key.Session && a.key.URI < b.key.URI
	})
	var d xxhash.Digest
	d.Reset()
	for _, l := range lines {
		_, _ = d.WriteString(l.key.Realm + "\x00" + l.key.URI + "\x00")
		for shift := 0; shift < 64; shift += 8 {
			_, _ = d.Write([]byte{byte(l.stamp >> shift), byte(uint64(l.key.Session) >> shift)})
		}
	}
	return d.Sum64()
}
