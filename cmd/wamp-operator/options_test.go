package main

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestDefaults(t *testing.T) {
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if o.leaderElection || !o.metricsSecure || o.metricsAddress != ":8443" || o.probeAddress != ":8081" || o.level() != slog.LevelInfo {
		t.Errorf("defaults %+v", o)
	}
	if !strings.HasPrefix(o.routerImage, routerRepository+":") {
		t.Errorf("router image %q: an operator runs routers of its own version", o.routerImage)
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"--watch-namespaces=a,b", "--router-image", "r:1", "--leader-elect", "--log-level=debug"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(o.namespaces, []string{"a", "b"}) || o.routerImage != "r:1" || !o.leaderElection || o.level() != slog.LevelDebug {
		t.Errorf("options %+v", o)
	}
}

// What cannot be meant is refused with a sentence that says what to write.
func TestRefusals(t *testing.T) {
	for says, args := range map[string][]string{
		"write debug, info or error":       {"--log-level=loud"},
		"write the image of the router":    {"--router-image="},
		"names separated by single commas": {"--watch-namespaces=a,,b"},
		"all options begin with --":        {"start"},
		"unknown flag":                     {"--metrics"},
	} {
		if _, err := parse(args); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", args, err, says)
		}
	}
	if _, err := parse([]string{"--help"}); !errors.Is(err, pflag.ErrHelp) {
		t.Errorf("--help: %v", err)
	}
}
