package config

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is one thing that is wrong in a file, said for the person who wrote the file.
type Problem struct {
	File    string
	Line    int    // from 1; 0 when the problem is with the file as a whole
	Path    string // of the field, like spec.roles[0].name; may be empty
	Message string // what is wrong and what to write instead
	waiting bool   // it passes by itself
}

func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// maxProblems is how many problems are told at once: one slip can make hundreds.
const maxProblems = 20

// problems joins what was found; nil when nothing was.
func problems(found []*Problem) error {
	var errs []error
	for i, p := range found {
		if i == maxProblems {
			errs = append(errs, fmt.Errorf("and %d more", len(found)-i))
			break
		}
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}
