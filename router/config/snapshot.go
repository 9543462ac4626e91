package config

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Waiting tells of an error of [Watch] that it passes by itself: parts of a snapshot have not arrived yet.
func Waiting(err error) bool {
	var p *Problem
	return errors.As(err, &p) && p.waiting
}

// readDocuments reads the files that count.
func readDocuments(paths []string) ([]file, error) {
	files, err := readFiles(paths)
	if err != nil {
		return nil, err
	}
	return wholeSnapshot(files)
}

// wholeSnapshot looks among the files of each folder for a snapshot of the operator. Where it has several
// parts they must be those of one snapshot: a pod sees its ConfigMaps change one after the other, and
// half a snapshot would end what the other half declares. Files that are left over from a larger one
// are left out.
func wholeSnapshot(files []file) ([]file, error) {
	places := make(map[string]int, len(files))
	for i, f := range files {
		places[f.path] = i
	}
	leftOver := map[string]bool{}
	for _, f := range files {
		folder, name := filepath.Split(f.path)
		n, written := v1alpha1.SnapshotParts(f.content)
		if name != v1alpha1.SnapshotFileName(0) || !written {
			continue
		}
		files[places[f.path]].operator = true
		parts := [][]byte{f.content}
		for i := 1; i < v1alpha1.MaxSnapshotParts; i++ {
			path := folder + v1alpha1.SnapshotFileName(i)
			place, there := places[path]
			switch {
			case i >= n:
				leftOver[path] = there
			case !there:
				return nil, &Problem{File: path, Message: fmt.Sprintf("this part of a snapshot of %d parts is not there yet: waiting for it", n), waiting: true}
			default:
				files[place].operator = true
				parts = append(parts, files[place].content)
			}
		}
		if _, err := v1alpha1.JoinSnapshot(parts); err != nil {
			return nil, &Problem{File: f.path, Message: err.Error(), waiting: true}
		}
	}
	whole := files[:0]
	for _, f := range files {
		if !leftOver[f.path] {
			whole = append(whole, f)
		}
	}
	return whole, nil
}
