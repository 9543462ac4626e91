// Package scale measures a cluster of real wamp-router processes on one machine: the memory that
// many registrations take, how long they take to be everywhere and to reach a new replica, and what
// replicas say to one another when there is nothing to do.
package scale

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say what is measured.
type Options struct {
	Router        string // the program
	Replicas      int
	Registrations int
	Burst         int           // of the registrations, at once over six connections to three replicas
	Singles       int           // of the registrations, one after the other
	Idle          time.Duration // how long the traffic of idle replicas is counted; 0: it is not
	Settle        time.Duration // before memory is looked at
	Encrypted     bool
	Pause         time.Duration // before the end, to look around
}

const callees = 6 // connections of a burst

// Run measures and prints what it found.
func Run(ctx context.Context, o *Options) error {
	dir, err := os.MkdirTemp("", "scale")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "realm.yaml"), []byte(document), 0o600),
		os.WriteFile(filepath.Join(dir, "key"), []byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"), 0o600),
	)
	if err != nil {
		return err
	}
	var replicas []*replica
	defer func() {
		for _, r := range replicas {
			r.stop()
		}
	}()
	for i := range o.Replicas {
		r, err := o.start(dir, i)
		if err != nil {
			return err
		}
		replicas = append(replicas, r)
	}
	wait, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, r := range replicas {
		if err := r.ready(wait); err != nil {
			return err
		}
	}
	fmt.Printf("%d replicas, encrypted: %v\n", o.Replicas, o.Encrypted)
	if err := memory("empty", replicas); err != nil {
		return err
	}
	if o.Idle > 0 {
		if err := idle(o.Idle, replicas); err != nil {
			return err
		}
	}
	var open []*callee
	defer func() {
		for _, c := range open {
			_ = c.conn.Close()
		}
	}()
	join := func(i int) (*callee, error) {
		c, err := dial(replicas[i%len(replicas)].clients)
		if err == nil {
			open = append(open, c)
		}
		return c, err
	}
	n := 0
	if err := singles(o.Singles, &n, join); err != nil {
		return err
	}
	if o.Burst > 0 {
		if err := burst("burst", o.Burst, o.Burst, callees, min(3, o.Replicas), &n, join, replicas); err != nil {
			return err
		}
	}
	if rest := o.Registrations - n; rest > 0 {
		if err := burst("the rest", rest, 30, 2*o.Replicas, o.Replicas, &n, join, replicas); err != nil {
			return err
		}
	}
	time.Sleep(o.Settle)
	if err := memory(fmt.Sprintf("with %d registrations", n), replicas); err != nil {
		return err
	}
	last := replicas[len(replicas)-1]
	last.stop()
	time.Sleep(3 * time.Second)
	began := time.Now()
	r, err := o.start(dir, o.Replicas-1)
	if err != nil {
		return err
	}
	replicas[len(replicas)-1] = r
	again, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := r.ready(again); err != nil {
		return err
	}
	fmt.Printf("a new replica was ready after %v, having used %v of CPU\n", time.Since(began).Round(time.Millisecond), r.cpu())
	time.Sleep(o.Settle)
	if err := memory("then", replicas); err != nil {
		return err
	}
	time.Sleep(o.Pause)
	return nil
}

// singles registers one procedure after the other: REGISTERED says that all replicas have it.
func singles(count int, n *int, join func(int) (*callee, error)) error {
	c, err := join(0)
	if err != nil {
		return err
	}
	var took []time.Duration
	for range count {
		began := time.Now()
		c.register(uri(*n))
		*n++
		if err := errors.Join(c.flush(), c.registered()); err != nil {
			return err
		}
		took = append(took, time.Since(began))
		time.Sleep(2 * time.Millisecond)
	}
	if slices.Sort(took); count > 0 {
		fmt.Printf("%d single registrations, until all replicas had them: p50 %v, p99 %v, most %v\n", count, took[count/2], took[count*99/100], took[count-1])
	}
	return nil
}

// burst registers many procedures over several connections; on each so many at once.
func burst(what string, count, window, conns, on int, n *int, join func(int) (*callee, error), replicas []*replica) error {
	var all []*callee
	for i := range conns {
		c, err := join(i % on)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	var before time.Duration
	for _, r := range replicas {
		before += r.cpu()
	}
	errs := make([]error, conns)
	var wg sync.WaitGroup
	began := time.Now()
	for i, c := range all {
		mine := count / conns
		if i < count%conns {
			mine++
		}
		first := *n
		*n += mine
		wg.Go(func() {
			for k := 0; k < mine && errs[i] == nil; k += window {
				errs[i] = c.registerAll(first+k, min(window, mine-k))
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	var after time.Duration
	for _, r := range replicas {
		after += r.cpu()
	}
	fmt.Printf("%s: %d registrations over %d connections on %d replicas, until all replicas had all: %v, %v of CPU on all replicas\n",
		what, count, conns, on, took.Round(time.Millisecond), after-before)
	return errors.Join(errs...)
}

func uri(n int) string { return fmt.Sprintf("com.example.building.device%06d.read", n) }

func memory(when string, replicas []*replica) error {
	var rss, heap []string
	for _, r := range replicas {
		a, b, err := r.memory()
		if err != nil {
			return err
		}
		rss, heap = append(rss, fmt.Sprintf("%.1f", float64(a)/1e6)), append(heap, fmt.Sprintf("%.1f", float64(b)/1e6))
	}
	fmt.Printf("memory %s, in MB: resident %s; heap in use %s\n", when, strings.Join(rss, " "), strings.Join(heap, " "))
	return nil
}

// idle counts what goes over the loopback interface, which should be in a network namespace of its
// own, with the headers of IP.
func idle(d time.Duration, replicas []*replica) error {
	time.Sleep(3 * time.Second)
	bytes, packets, err := loopback()
	if err != nil {
		return err
	}
	time.Sleep(d)
	b, p, err := loopback()
	if err != nil {
		return err
	}
	b, p = b-bytes, p-packets
	per := d.Seconds() * float64(len(replicas))
	fmt.Printf("idle for %v: each replica sends %.0f packets/s, %.2f kB/s with IP headers\n", d, float64(p)/per, float64(b)/per/1000)
	return nil
}

func loopback() (bytes, packets int64, err error) {
	b, err := os.ReadFile("/proc/net/dev")
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "lo:"); ok {
			f := strings.Fields(rest)
			bytes, _ = strconv.ParseInt(f[8], 10, 64)
			packets, _ = strconv.ParseInt(f[9], 10, 64)
		}
	}
	return bytes, packets, err
}
