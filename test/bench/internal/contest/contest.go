package contest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/load"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/wire"
)

// Work is what is to be done by each server.
type Work struct {
	Callers, InFlight, Callees int
	Size                       int // bytes of a payload
}

func (w Work) String() string {
	size := fmt.Sprintf("%d B", w.Size)
	if w.Size >= 1<<10 {
		size = fmt.Sprintf("%d KiB", w.Size>>10)
	}
	return fmt.Sprintf("%dx%d %s", w.Callers, w.InFlight, size)
}

// Works are all.
var Works = []Work{
	{1, 1, 1, 16}, {1, 1, 1, 1 << 10}, {1, 1, 1, 64 << 10},
	{8, 16, 4, 16}, {8, 16, 4, 1 << 10}, {8, 16, 4, 64 << 10},
	{8, 64, 8, 16},
}

// Entry is one who does the work: a server, the protocol of its clients, and whether callers and
// callees are on the same replica.
type Entry struct {
	Server   string
	Protocol wire.Protocol
	Replicas int
}

func (e Entry) String() string {
	name := e.Server
	if e.Protocol != wire.NATS && e.Server != Relay {
		name += " " + string(e.Protocol)
	}
	if e.Replicas > 1 {
		name += fmt.Sprintf(", %d replicas", e.Replicas)
	}
	return name
}

// Entries are all, in the order in which they take turns. nexus has no cluster.
var Entries = []Entry{
	{Ours, wire.Raw, 1}, {Ours, wire.Web, 1}, {NATS, wire.NATS, 1}, {Nexus, wire.Raw, 1}, {Nexus, wire.Web, 1},
	{Ours, wire.Raw, 2}, {Ours, wire.Web, 2}, {NATS, wire.NATS, 2},
	{Relay, wire.Raw, 1},
}

// Config is how to run.
type Config struct {
	Bin              string // folder of the programs
	Rounds           int
	Warmup, Duration time.Duration
	Only             *regexp.Regexp // of the works
	Entries          *regexp.Regexp
	Policy           string
	Profile          string // folder for CPU profiles of wamp-router, if any
	Idle             int    // sessions of the work idle
	HostileShare     float64
	HostileKinds     []string // none: all
	Out              io.Writer
}

// Results are the reports of all rounds; Idle and Hostile are nil when they were not asked
// for.
type Results struct {
	Works   map[Work]map[Entry][]*load.Report
	Idle    *load.IdleReport
	Hostile *hostileResults
}

// Run has the chosen works done, prints a table for each, and what became of the aims.
func Run(ctx context.Context, cfg Config) error {
	results := Results{Works: map[Work]map[Entry][]*load.Report{}}
	for _, w := range Works {
		if !cfg.Only.MatchString(w.String()) {
			continue
		}
		reports, err := cfg.work(ctx, w)
		if err != nil {
			return fmt.Errorf("%v: %w", w, err)
		}
		results.Works[w] = reports
		printTable(cfg.Out, w, reports)
	}
	if cfg.Only.MatchString("idle") {
		var err error
		if results.Idle, err = cfg.idle(ctx); err != nil {
			return fmt.Errorf("idle: %w", err)
		}
	}
	if cfg.Only.MatchString("hostile") {
		var err error
		if results.Hostile, err = cfg.hostile(ctx); err != nil {
			return fmt.Errorf("hostile: %w", err)
		}
	}
	printAims(cfg.Out, results)
	return nil
}

// work starts all servers, and has each do the work once a round.
func (cfg Config) work(ctx context.Context, w Work) (map[Entry][]*load.Report, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	type group struct {
		server   string
		replicas int
	}
	sets := map[group]*set{}
	reports := map[Entry][]*load.Report{}
	for round := range cfg.Rounds {
		for _, e := range Entries {
			if !cfg.Entries.MatchString(e.String()) {
				continue
			}
			g := group{e.Server, e.Replicas}
			if sets[g] == nil {
				if sets[g], err = start(ctx, e.Server, cfg.Bin, dir, e.Replicas); err != nil {
					return nil, err
				}
				defer sets[g].stop()
			}
			profile := ""
			if cfg.Profile != "" && e.Server == Ours && round == 0 {
				profile = cfg.Profile
			}
			report, err := cfg.round(ctx, w, e, sets[g], profile)
			if err != nil {
				return nil, fmt.Errorf("%v: %w", e, err)
			}
			reports[e] = append(reports[e], report)
		}
	}
	return reports, nil
}

func (cfg Config) round(ctx context.Context, w Work, e Entry, s *set, profile string) (*load.Report, error) {
	addresses := s.address[e.Protocol]
	spec := load.Spec{
		Protocol: e.Protocol, Policy: cfg.Policy,
		CallerAddress: addresses[0], CalleeAddress: addresses[len(addresses)-1],
		Callers: w.Callers, InFlight: w.InFlight, Callees: w.Callees, Size: w.Size,
		Warmup: cfg.Warmup, Duration: cfg.Duration, Servers: s.pids,
	}
	if profile != "" {
		for i, admin := range s.admin {
			name := fmt.Sprintf("%v-%v-replica-%d.pprof", w, e, i)
			file, err := os.Create(filepath.Join(profile, regexp.MustCompile(`[^\w.]+`).ReplaceAllString(name, "-")))
			if err != nil {
				return nil, err
			}
			fetched := make(chan error, 1)
			go func() {
				fetched <- get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", admin, (cfg.Warmup+cfg.Duration).Seconds()), file)
			}()
			defer func() {
				if err := <-fetched; err != nil {
					fmt.Fprintln(os.Stderr, "no profile:", err)
				}
				_ = file.Close()
			}()
		}
	}
	report := &load.Report{}
	return report, generate(ctx, spec, report, "generate")
}

// generate runs a load generator, a process of its own, and reads its report.
func generate(ctx context.Context, spec, report any, kind string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, self, kind, string(text))
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the load generator: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return json.Unmarshal(out.Bytes(), report)
}
