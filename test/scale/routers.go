package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const document = `apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: scale}
spec:
  clusterRef: {name: scale}
  realm: ` + realm + `
  anonymous: {role: all}
  roles:
    - name: all
      permissions: [{uri: "", match: prefix, allow: [call, register]}]
`

// replica is one wamp-router process. Replica i has ports of its own on the loopback interface.
type replica struct {
	name    string
	cmd     *exec.Cmd
	clients string
	admin   string
	log     string
}

func (o *Options) start(dir string, i int) (*replica, error) {
	r := &replica{
		name: fmt.Sprintf("scale-%d", i), clients: address(i, 0), admin: address(i, 1), log: filepath.Join(dir, fmt.Sprintf("scale-%d.log", i)),
	}
	key := ""
	if o.Encrypted {
		key = "keyFile: key, "
	}
	file := filepath.Join(dir, r.name+".yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, `apiVersion: wamp-operator.io/v1alpha1
kind: RouterConfiguration
listen: %s
admin: {listen: %q}
cluster: {name: scale, replica: %s, gossip: %q, links: %q, advertise: 127.0.0.1, %sjoin: [%s]}
documents: [realm.yaml]
drainTimeout: 1s
limits: {registrations: 0}
`, r.clients, r.admin, r.name, address(i, 2), address(i, 3), key, o.join()), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(r.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r.cmd = exec.Command(o.Router, "serve", "--config", file, "--log-level", "warn", "--pprof")
	r.cmd.Stdout, r.cmd.Stderr = log, log
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return r, r.cmd.Start()
}

// address gives the which-th port of replica i. The range is below the one that the system takes
// for outgoing connections.
func address(i, which int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(21000+10*i+which))
}

// join are the addresses of all replicas that this run may have.
func (o *Options) join() string {
	var all []string
	for i := range o.Replicas {
		all = append(all, strconv.Quote(address(i, 2)))
	}
	return strings.Join(all, ", ")
}

func (r *replica) stop() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// ready waits for /readyz.
func (r *replica) ready(ctx context.Context) error {
	for {
		if _, err := r.get("/readyz"); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			b, _ := os.ReadFile(r.log)
			return fmt.Errorf("%s did not become ready; it logged:\n%s", r.name, b)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (r *replica) get(path string) ([]byte, error) {
	answer, err := http.Get("http://" + r.admin + path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return b, err
}

// memory gives the resident memory of the process and the heap in use, in bytes.
func (r *replica) memory() (rss, heap int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			rss = kib << 10
		}
	}
	metrics, err := r.get("/metrics")
	for line := range strings.Lines(string(metrics)) {
		if rest, ok := strings.CutPrefix(line, "go_memstats_heap_inuse_bytes "); ok {
			v, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			heap = int64(v)
		}
	}
	return rss, heap, err
}

// cpu is the CPU time that the process has used.
func (r *replica) cpu() time.Duration {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}
