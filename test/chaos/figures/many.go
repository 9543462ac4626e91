package figures

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/lab"
)

// many registers 100,000 procedures on nine replicas, looks at their memory, and starts a tenth.
func many(ctx context.Context, b *Bench) ([]Row, error) {
	const replicas, registrations, connections, window = 9, 100_000, 2, 50
	c, err := b.prepare(ctx, replicas+1)
	if err != nil {
		return nil, err
	}
	defer c.close()
	old, fresh := c.Replicas[:replicas], c.Replicas[replicas]
	for _, r := range old {
		if err := r.Start(); err != nil {
			return nil, err
		}
	}
	if err := c.agree(old...); err != nil {
		return nil, err
	}
	var emptyHeap, emptyRSS int64
	for _, r := range old {
		m, err := c.memory(ctx, r)
		if err != nil {
			return nil, err
		}
		emptyHeap, emptyRSS = max(emptyHeap, m.heap), max(emptyRSS, m.resident)
	}
	took, repeated, err := c.burst("figures.many.building.device", registrations, connections, window)
	if err != nil {
		return nil, err
	}
	if err := c.agree(old...); err != nil {
		return nil, err
	}
	if err := c.pause(10 * time.Second); err != nil { // until what the burst left has been collected
		return nil, err
	}
	var heap, resident int64
	for _, r := range old {
		m, err := c.memory(ctx, r)
		if err != nil {
			return nil, err
		}
		b.say("%s: %s resident, %s heap in use", r.Name, megabytes(m.resident), megabytes(m.heap))
		heap, resident = max(heap, m.heap), max(resident, m.resident)
	}
	begun := time.Now()
	if err := fresh.Start(); err != nil {
		return nil, err
	}
	for fresh.State() == nil || !fresh.State().Ready {
		if time.Since(begun) > settling {
			return nil, fmt.Errorf("%s is not ready within %v", fresh.Name, settling)
		}
		if err := c.pause(time.Millisecond); err != nil {
			return nil, err
		}
	}
	ready := time.Since(begun)
	if err := c.agree(); err != nil {
		return nil, err
	}
	b.say("%d registrations took %s, %d were sent again; without them: %s resident, %s heap in use; all ten agree %s after the start of the tenth", registrations, short(took), repeated,
		megabytes(emptyRSS), megabytes(emptyHeap), short(time.Since(begun)))
	return []Row{
		{"100,000 registrations on 9 replicas: memory a replica (resident, VmRSS of /proc/PID/status; the largest)", "< 60 MB", megabytes(resident), resident < 60e6},
		{"... heap in use (go_memstats_heap_inuse_bytes; the largest)", "", megabytes(heap), true},
		{"... from the start of the process until a new replica is ready", "< 2 s", short(ready), ready < 2*time.Second},
	}, nil
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

type memory struct{ resident, heap int64 }

// memory is what a replica takes.
func (c *cluster) memory(ctx context.Context, r *lab.Replica) (m memory, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.PID()))
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			m.resident = kib << 10
		}
	}
	host, _, err := net.SplitHostPort(r.Address)
	if err != nil {
		return m, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, "9090")+"/metrics", nil)
	if err != nil {
		return m, err
	}
	over := http.Client{Transport: &http.Transport{DialContext: c.Dial, DisableKeepAlives: true}}
	response, err := over.Do(request)
	if err != nil {
		return m, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "go_memstats_heap_inuse_bytes "); ok {
			v, err := strconv.ParseFloat(rest, 64)
			if err != nil {
				return m, err
			}
			m.heap = int64(v)
		}
	}
	return m, lines.Err()
}

// idle counts what nine replicas say to one another when there is nothing to do.
func idle(ctx context.Context, b *Bench) ([]Row, error) {
	const replicas, counted = 9, 30 * time.Second
	c, err := b.cluster(ctx, replicas)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.pause(5 * time.Second); err != nil {
		return nil, err
	}
	var before []traffic
	for _, r := range c.Replicas {
		t, err := sent(r)
		if err != nil {
			return nil, err
		}
		before = append(before, t)
	}
	begun := time.Now()
	if err := c.pause(counted); err != nil {
		return nil, err
	}
	var most, sum, packets float64
	for i, r := range c.Replicas {
		t, err := sent(r)
		if err != nil {
			return nil, err
		}
		seconds := time.Since(begun).Seconds()
		rate := float64(t.bytes-before[i].bytes) / seconds
		most, sum, packets = max(most, rate), sum+rate, packets+float64(t.packets-before[i].packets)/seconds
	}
	b.say("each sends %.0f packets/s", packets/replicas)
	return []Row{{"9 idle replicas, gossip and links: what each sends, IP headers included (the most; /proc/PID/net/dev)", "< 10 kB/s",
		fmt.Sprintf("%.1f kB/s, mean %.1f kB/s", most/1000, sum/replicas/1000), most < 10_000}}, nil
}

type traffic struct{ bytes, packets int64 }

// sent is what a replica has sent on the interface to the others.
func sent(r *lab.Replica) (t traffic, err error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", r.PID()))
	if err != nil {
		return t, err
	}
	for line := range strings.Lines(string(content)) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		if fields := strings.Fields(rest); ok && name == "wamp0" && len(fields) > 9 {
			t.bytes, _ = strconv.ParseInt(fields[8], 10, 64)
			t.packets, _ = strconv.ParseInt(fields[9], 10, 64)
			return t, nil
		}
	}
	return t, fmt.Errorf("%s has no interface wamp0", r.Name)
}
