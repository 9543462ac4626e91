package contest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/hostile"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/load"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/process"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/wire"
)

const (
	hostileClients = 200
	hostileLimit   = 2.0         // times the p99 of a well-behaved caller
	hostileSettles = time.Second // from the start of the hostile clients to the first measurement
	// hostileEnds is how long they may take to go.
	hostileEnds = 5 * time.Second
	// hostileHold is how long memory is watched after the last round.
	hostileHold = 10 * time.Second
)

// The limits are shorter than the defaults, so that a short run sees what happens when they are
// reached.
const hostileLimits = `limits: {handshakeTimeout: 2s, writeTimeout: 2s}
`

// place says where the hostile clients are while the well-behaved ones are measured.
type place int

const (
	nowhere   place = iota
	elsewhere       // at another router on the same machine: they take the same from the machine
	here
	places
)

func (p place) String() string {
	return [...]string{"no hostile client", "200 at another router", "200 at this router"}[p]
}

// calm is what a well-behaved caller does.
type calm struct {
	name    string
	callers int
	rate    int // calls a second of each; 0: one call after the other
}

var calms = []calm{{"1 caller, one call after the other", 1, 0}, {"8 callers, 250 calls/s each", 8, 250}}

// hostileResults are those of the work hostile.
type hostileResults struct {
	reports map[calm][places][]*load.Report
	memory  struct{ before, most, after int64 }
	ended   []string // what the router counted, by reason
	clients []*hostile.Report
}

// hostile measures well-behaved callers with and without others that misbehave, in turn.
func (cfg Config) hostile(ctx context.Context) (*hostileResults, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var routers [2]*set // this and the other
	for i := range routers {
		at := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(at, 0o700); err != nil {
			return nil, err
		}
		s := &set{address: map[wire.Protocol][]string{}}
		defer s.stop()
		if err := startRouters(ctx, cfg.Bin, at, 1, hostileLimits, s); err != nil {
			return nil, err
		}
		routers[i] = s
	}
	this := routers[0]
	r := &hostileResults{reports: map[calm][places][]*load.Report{}}
	if r.memory.before, err = process.Memory(this.pids[0]); err != nil {
		return nil, err
	}
	for round := range cfg.Rounds {
		for p := range places {
			if err := cfg.besides(ctx, routers, (p+place(round))%places, r); err != nil {
				return nil, err
			}
		}
	}
	for end := time.Now().Add(hostileHold); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if r.memory.after, err = process.Memory(this.pids[0]); err != nil {
			return nil, err
		}
	}
	var metrics bytes.Buffer
	if err := get("http://"+this.admin[0]+"/metrics", &metrics); err != nil {
		return nil, err
	}
	r.ended = counted(metrics.String())
	r.print(cfg)
	return r, nil
}

// besides measures all well-behaved callers once, with the hostile clients at a place.
func (cfg Config) besides(ctx context.Context, routers [2]*set, p place, r *hostileResults) error {
	this := routers[0]
	if p != nowhere {
		at := routers[1]
		if p == here {
			at = this
		}
		stop, err := cfg.release(ctx, at.address[wire.Raw][0], r, p)
		if err != nil {
			return err
		}
		defer stop()
		time.Sleep(hostileSettles)
	}
	for _, c := range calms {
		address := this.address[wire.Raw][0]
		spec := load.Spec{
			Protocol: wire.Raw, Policy: cfg.Policy, CallerAddress: address, CalleeAddress: address,
			Callers: c.callers, InFlight: 1, Callees: 1, Size: 16, Rate: c.rate,
			Warmup: cfg.Warmup, Duration: cfg.Duration, Servers: this.pids,
		}
		report := &load.Report{}
		var out *os.File
		if cfg.Profile != "" && p == here {
			var err error
			if out, err = os.Create(filepath.Join(cfg.Profile, fmt.Sprintf("hostile-%d.pprof", c.callers))); err != nil {
				return err
			}
		}
		fetched := make(chan error, 1)
		go func() {
			if out != nil {
				fetched <- get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", this.admin[0], (cfg.Warmup+cfg.Duration).Seconds()), out)
				_ = out.Close()
			}
			close(fetched)
		}()
		if err := generate(ctx, spec, report, "generate"); err != nil {
			return fmt.Errorf("%v, %s: %w; wamp-router logged:\n%s", p, c.name, err, this.servers[0].Log())
		}
		if err := <-fetched; err != nil {
			fmt.Fprintln(os.Stderr, "no profile:", err)
		}
		all := r.reports[c]
		all[p] = append(all[p], report)
		r.reports[c] = all
		if now, err := process.Memory(this.pids[0]); err == nil {
			r.memory.most = max(r.memory.most, now)
		}
	}
	return nil
}

// release starts the hostile clients, a process of their own.
func (cfg Config) release(ctx context.Context, address string, r *hostileResults, p place) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(hostile.Spec{
		Address: address, Realm: wire.Realm, Connections: hostileClients, Share: cfg.HostileShare, Kinds: cfg.HostileKinds,
	})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "hostile", string(text))
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the hostile clients: %w", err)
	}
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		stuck := time.AfterFunc(hostileEnds, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		stuck.Stop()
		report := &hostile.Report{}
		if json.Unmarshal(out.Bytes(), report) == nil && p == here {
			r.clients = append(r.clients, report)
		}
	}, nil
}

// counted are the lines of metrics that tell how connections ended.
func counted(metrics string) (lines []string) {
	for line := range strings.Lines(metrics) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		for _, prefix := range []string{"wamp_router_connections_dropped_total{reason=", "wamp_router_connections_refused_total{reason="} {
			if reason, ok := strings.CutPrefix(name, prefix); ok && value != "0" {
				kind := "dropped"
				if strings.Contains(prefix, "refused") {
					kind = "refused"
				}
				lines = append(lines, fmt.Sprintf("%s, %s: %s", kind, strings.Trim(reason, `"`), value))
			}
		}
	}
	return lines
}
