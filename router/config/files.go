package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// maxFile bounds a file of documents; a ConfigMap ends at 1 MiB.
const maxFile = 16 << 20

// file is a file of documents as it was read.
type file struct {
	name    string // that goes into the hash
	path    string // that people know it by
	content []byte
	// operator tells that an operator wrote it, which may be of a later version than this router.
	operator bool
}

// readFiles reads the files, and the *.yaml and *.yml files in the folders, in order. Names
// that begin with a dot are left out: Kubernetes keeps its own things there. A file that is
// named twice, by itself and with its folder, say, is read once.
func readFiles(paths []string) ([]file, error) {
	var files []file
	var read []os.FileInfo
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, unreadable(path, err)
		}
		names := []string{path}
		if info.IsDir() {
			entries, err := os.ReadDir(path)
			if err != nil {
				return nil, unreadable(path, err)
			}
			names = names[:0]
			for _, e := range entries { // sorted by name
				ext := filepath.Ext(e.Name())
				if !strings.HasPrefix(e.Name(), ".") && (ext == ".yaml" || ext == ".yml") {
					names = append(names, filepath.Join(path, e.Name()))
				}
			}
		}
		for _, name := range names {
			info, err := os.Stat(name)
			if err != nil {
				return nil, unreadable(name, err)
			}
			if slices.ContainsFunc(read, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
				continue
			}
			read = append(read, info)
			content, err := readFile(name)
			if err != nil {
				return nil, err
			}
			files = append(files, file{path: name, content: content})
		}
	}
	nameFiles(files)
	return files, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if info.Size() > maxFile {
		return nil, &Problem{File: path, Message: fmt.Sprintf("%d bytes are more than the %d that a file may have: split it", info.Size(), maxFile)}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return content, nil
}

func unreadable(path string, err error) error {
	var inner *os.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return &Problem{File: path, Message: fmt.Sprintf("cannot be read: %v", err)}
}

// nameFiles names each file for the hash: its base name, as the key in a ConfigMap, or its
// path where two files share a base name.
func nameFiles(files []file) {
	count := map[string]int{}
	for _, f := range files {
		count[filepath.Base(f.path)]++
	}
	for i := range files {
		files[i].name = filepath.Base(files[i].path)
		if count[files[i].name] > 1 {
			files[i].name = files[i].path
		}
	}
}

func hash(files []file) string {
	contents := make(map[string][]byte, len(files))
	for _, f := range files {
		contents[f.name] = f.content
	}
	return v1alpha1.HashDocuments(contents)
}
