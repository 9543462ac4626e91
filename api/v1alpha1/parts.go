package v1alpha1

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// SnapshotHeader is the first line of what the operator tells routers to serve. Where that does not fit
// into one file, the line of the first file goes on: how many parts there are, and the SHA-256 of the
// whole.
const SnapshotHeader = "# Written by wamp-operator; changes are overwritten."

// MaxSnapshotParts is how many parts a snapshot has at most. Each is a ConfigMap, and every router pod
// names them all, so that a snapshot that grows restarts nobody.
const MaxSnapshotParts = 16

const (
	partsFormat    = SnapshotHeader + " Part 1 of %d, sha256 %s.\n"
	documentMarker = "---\n"
)

// SnapshotFileName is the name of a part, which counts from 0: snapshot.yaml, snapshot-1.yaml and so on.
func SnapshotFileName(part int) string {
	if part == 0 {
		return "snapshot.yaml"
	}
	return fmt.Sprintf("snapshot-%d.yaml", part)
}

// SplitSnapshot cuts a snapshot, which begins with SnapshotHeader and a line feed, between documents into
// parts of at most maxBytes. One that fits is its own only part. There are more than MaxSnapshotParts,
// or a larger one, when it does not fit; see SnapshotFits.
func SplitSnapshot(content []byte, maxBytes int) [][]byte {
	if len(content) <= maxBytes {
		return [][]byte{content}
	}
	sum := sha256.Sum256(content)
	header := func(parts int) string { return fmt.Sprintf(partsFormat, parts, hex.EncodeToString(sum[:])) }
	rest := content[len(SnapshotHeader)+1:]
	var parts [][]byte
	for room := maxBytes - len(header(MaxSnapshotParts)); len(rest) > 0; room = maxBytes {
		end := cut(rest, room)
		parts = append(parts, rest[:end])
		rest = rest[end:]
	}
	parts[0] = append([]byte(header(len(parts))), parts[0]...)
	return parts
}

// cut gives where the part ends that begins a piece of a snapshot: before the last document that would
// go beyond room bytes, but not before the first.
func cut(piece []byte, room int) int {
	if len(piece) <= room {
		return len(piece)
	}
	marker := []byte("\n" + documentMarker)
	if room > 0 {
		// The marker of the next document may begin just where the room ends.
		if at := bytes.LastIndex(piece[:min(room+len(documentMarker), len(piece))], marker); at > 0 {
			return at + 1
		}
	}
	if at := bytes.Index(piece, marker); at > 0 {
		return at + 1
	}
	return len(piece)
}

// SnapshotFits tells whether parts can be published.
func SnapshotFits(parts [][]byte, maxBytes int) bool {
	for _, part := range parts {
		if len(part) > maxBytes {
			return false
		}
	}
	return len(parts) <= MaxSnapshotParts
}

// SnapshotParts tells of how many parts the snapshot is that begins with this one; false when it was
// not written by an operator.
func SnapshotParts(first []byte) (parts int, written bool) {
	line, _, _ := bytes.Cut(first, []byte("\n"))
	if !bytes.HasPrefix(line, []byte(SnapshotHeader)) {
		return 0, false
	}
	var sum string
	if n, _ := fmt.Sscanf(string(line)+"\n", partsFormat, &parts, &sum); n == 0 {
		return 1, true
	}
	return parts, true
}

// errMixed says that parts are not of one snapshot.
var errMixed = errors.New("these are parts of two snapshots; the rest is on its way")

// JoinSnapshot puts the parts of a snapshot together again. It fails when they are not of the same one: a
// pod sees its ConfigMaps change one after the other.
func JoinSnapshot(parts [][]byte) ([]byte, error) {
	if len(parts) == 1 {
		if n, _ := SnapshotParts(parts[0]); n > 1 {
			return nil, errMixed
		}
		return parts[0], nil
	}
	line, body, _ := bytes.Cut(parts[0], []byte("\n"))
	content := append([]byte(SnapshotHeader+"\n"), body...)
	for _, part := range parts[1:] {
		content = append(content, part...)
	}
	sum := sha256.Sum256(content)
	if string(line)+"\n" != fmt.Sprintf(partsFormat, len(parts), hex.EncodeToString(sum[:])) {
		return nil, errMixed
	}
	return content, nil
}
