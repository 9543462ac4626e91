package envtest

import (
	"log/slog"

	"github.com/go-logr/logr"
)

type lines func(string)

func (f lines) Write(p []byte) (int, error) { f(string(p)); return len(p), nil }

func newWriterLogger(f func(string)) logr.Logger {
	return logr.FromSlogHandler(slog.NewTextHandler(lines(f), &slog.HandlerOptions{Level: slog.Level(-1)}))
}
