// Package demo is the demonstration: a Kubernetes, the chart, config/samples, and a WAMP
// application that shows what three routers do as one dealer. cmd/demo prints it for a person, and
// the end-to-end test asserts on what it returns.
package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Screen prints steps with the time since the beginning. Colours only where somebody looks.
type Screen struct {
	out   io.Writer
	began time.Time
	color bool
	step  int
}

// NewScreen prints to out, in colour when it is a terminal and NO_COLOR is not set.
func NewScreen(out io.Writer) *Screen {
	s := &Screen{out: out, began: time.Now()}
	if f, ok := out.(*os.File); ok && os.Getenv("NO_COLOR") == "" {
		info, err := f.Stat()
		s.color = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return s
}

const (
	bold  = "1"
	dim   = "2"
	green = "32"
	cyan  = "36"
)

func (s *Screen) paint(code, text string) string {
	if !s.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Elapsed is the time since the beginning.
func (s *Screen) Elapsed() time.Duration { return time.Since(s.began) }

// Step begins a step.
func (s *Screen) Step(title string) {
	s.step++
	at := fmt.Sprintf("%5.1f s", s.Elapsed().Seconds())
	fmt.Fprintf(s.out, "\n%s  %s\n", s.paint(dim, at), s.paint(bold, fmt.Sprintf("%d. %s", s.step, title)))
}

const indent = "         "

// Say prints a paragraph of the step.
func (s *Screen) Say(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		fmt.Fprintln(s.out, indent+strings.TrimRight(line, "\n"))
	}
}

// Good prints what the step has shown.
func (s *Screen) Good(format string, args ...any) {
	s.Say("%s %s", s.paint(green, "✓"), fmt.Sprintf(format, args...))
}

// Command prints a command that is about to run.
func (s *Screen) Command(line string) { s.Say("%s", s.paint(cyan, "$ "+line)) }

// Text prints the output of a command.
func (s *Screen) Text(text string) {
	s.Say("%s", strings.Trim(text, "\n"))
}

// Gap prints an empty line.
func (s *Screen) Gap() { fmt.Fprintln(s.out) }

// lines gives a writer whose lines become dim lines of the step: progress of other programs.
func (s *Screen) lines() io.Writer { return &lineWriter{screen: s} }

type lineWriter struct {
	screen *Screen
	rest   string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest += string(p)
	for {
		line, rest, ok := strings.Cut(w.rest, "\n")
		if !ok {
			return len(p), nil
		}
		w.rest = rest
		if strings.HasPrefix(line, "go: downloading ") {
			continue
		}
		// hack/kube's own clock would contradict that of the step.
		if strings.HasPrefix(line, "[") {
			if _, after, ok := strings.Cut(line, " s] "); ok {
				line = after
			}
		}
		w.screen.Say("%s", w.screen.paint(dim, line))
	}
}
