// Package figures measures what docs/guarantees.md promises in numbers, on clusters of real
// wamp-router processes, each in a network namespace of its own (package lab), with one machine under
// all of them: CPU is shared by the replicas, the clients and the network between the replicas.
package figures

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Figure is one line of the table, or some that are measured together.
type Figure struct {
	// Name of the figure, for guarantees -only.
	Name string
	// Limit bounds how long it is measured, everything included.
	Limit   time.Duration
	Measure func(ctx context.Context, b *Bench) ([]Row, error)
}

// Row is a line of the table.
type Row struct {
	What, Aim, Measured string
	Met                 bool
}

// Bench is what figures are measured with.
type Bench struct {
	// Router is the wamp-router program.
	Router string
	// Dir takes configurations, logs and histories, in a folder for each cluster.
	Dir string
	// Calls is how many calls the figure "rotation" makes.
	Calls int64
	// Progress is told what is going on.
	Progress io.Writer

	labs              int
	calls, unanswered int64
}

// answered keeps the books of all calls that are made.
func (b *Bench) answered(calls, unanswered int64) {
	b.calls += calls
	b.unanswered += unanswered
}

// Unanswered is the row for the calls of all figures that were measured; false when none was made.
func (b *Bench) Unanswered() (Row, bool) {
	return Row{"calls without an answer, in all of the above", "0", fmt.Sprintf("%s of %s", grouped(b.unanswered), grouped(b.calls)), b.unanswered == 0}, b.calls > 0
}

func (b *Bench) say(format string, args ...any) {
	fmt.Fprintf(b.Progress, "    "+format+"\n", args...)
}

// All are the figures in the order of the table.
func All() []Figure {
	return []Figure{
		{"visible", time.Minute, visible},
		{"burst", time.Minute, burst},
		{"closed", time.Minute, closed},
		{"killed", 3 * time.Minute, killed},
		{"stopped", 4 * time.Minute, stopped},
		{"isolated", 4 * time.Minute, isolated},
		{"rotation", 8 * time.Minute, rotation},
		{"spread", time.Minute, spread},
		{"single", 2 * time.Minute, single},
		{"heal", 4 * time.Minute, heal},
		{"rolling", 2 * time.Minute, rolling},
		{"crash", 2 * time.Minute, crash},
		{"planned", 3 * time.Minute, planned},
		{"silent", 3 * time.Minute, silent},
		{"many", 3 * time.Minute, many},
		{"idle", 2 * time.Minute, idle},
	}
}

// Find gives the figures with names, all of them without any.
func Find(names ...string) ([]Figure, error) {
	if len(names) == 0 {
		return All(), nil
	}
	var found []Figure
	for _, name := range names {
		before := len(found)
		var known []string
		for _, f := range All() {
			known = append(known, f.Name)
			if f.Name == name {
				found = append(found, f)
			}
		}
		if len(found) == before {
			return nil, fmt.Errorf("there is no figure %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return found, nil
}

// Run measures a figure within its limit.
func (f Figure) Run(ctx context.Context, b *Bench) ([]Row, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.Limit, fmt.Errorf("it took longer than %v", f.Limit))
	defer cancel()
	rows, err := f.Measure(ctx, b)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	if err != nil {
		return rows, fmt.Errorf("%s: %w", f.Name, err)
	}
	for i := range rows {
		rows[i].What = strings.TrimSpace(rows[i].What)
	}
	return rows, nil
}

// Head is the first lines of the table.
const Head = "| figure | aim | measured | | command |\n|---|---|---|---|---|\n"

// Line is a row as a line of a table in Markdown.
func (f Figure) Line(r Row) string { return r.line("`make guarantees ONLY=" + f.Name + "`") }

// Line is a row that is of no single figure.
func (r Row) Line() string { return r.line("`make guarantees`") }

func (r Row) line(command string) string {
	met := "met"
	switch {
	case r.Aim == "":
		met = ""
	case !r.Met:
		met = "**not met**"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", r.What, r.Aim, r.Measured, met, command)
}
