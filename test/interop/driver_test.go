package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for anything to happen; only what is broken takes as long.
const patience = 10 * time.Second

// command is what a test tells a driver: a small program around one client library, which does
// with the library what it is told and reports what comes of it. Both are lines of JSON. The
// scenarios are written once, in Go; a driver knows its library and nothing of what is tested.
type command struct {
	// ID is that of the command. What a command makes (a session, a registration, a
	// subscription, a call) is named by it from then on.
	ID int    `json:"id"`
	Op string `json:"op"` // join, leave, call, cancel, register, unregister, answer, subscribe, unsubscribe, publish
	// Of is the ID that the command is about: the session; for cancel, unregister, unsubscribe
	// and answer the call, registration, subscription, registration.
	Of      int            `json:"of,omitempty"`
	URI     string         `json:"uri,omitempty"`
	Args    []any          `json:"args"`
	Kwargs  map[string]any `json:"kwargs"`
	Options map[string]any `json:"options"`
	// Number, Progress and Error belong to answer: which invocation, and what it is answered.
	Number   int    `json:"number,omitempty"`
	Progress bool   `json:"progress,omitempty"`
	Error    string `json:"error,omitempty"`
	Join     *join  `json:"join,omitempty"`
}

// join says how to open a session.
type join struct {
	URL        string `json:"url"`
	Serializer string `json:"serializer"`
	Realm      string `json:"realm"`
	// Method is the authentication method to use; none: the HELLO names no method.
	Method string `json:"method,omitempty"`
	AuthID string `json:"authid,omitempty"`
	// Secret is a ticket, a password, or a private key (32 octets in hexadecimal digits).
	Secret string `json:"secret,omitempty"`
	// CA, Cert and Key are files for TLS.
	CA   string `json:"ca,omitempty"`
	Cert string `json:"cert,omitempty"`
	Key  string `json:"key,omitempty"`
	// ChannelBinding is the kind of TLS channel binding to sign with cryptosign.
	ChannelBinding string `json:"channelBinding,omitempty"`
}

// report is what a driver tells.
type report struct {
	ID int `json:"id"` // of the command that it belongs to
	// Kind is done or failed, the end of the command; progress (of a call), event (of a
	// subscription), invocation and interrupt (of a registration), closed (a session, by the
	// router) or revoked (a registration, by the router).
	Kind    string         `json:"kind"`
	Args    []any          `json:"args"`
	Kwargs  map[string]any `json:"kwargs"`
	Details map[string]any `json:"details"`
	// Number tells invocations apart.
	Number int `json:"number"`
	// URI is that of the ERROR or ABORT of a failed command, and empty when the library
	// failed otherwise; Message says what it said.
	URI     string `json:"uri"`
	Message string `json:"message"`
}

// driver is a driver that runs.
type driver struct {
	name    string
	writing sync.Mutex
	in      io.Writer

	mu   sync.Mutex
	last int
	to   map[int]chan report
	gone error // why it ended
}

// startProcess starts a driver that is a program.
func startProcess(name, dir string, environment []string, program string, args ...string) (*driver, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the driver of %s: %w", name, err)
	}
	atExit = append(atExit, func() {
		_ = in.Close() // it ends with its input
		_ = cmd.Wait()
	})
	return newDriver(name, in, out), nil
}

// atExit ends what was started for all tests.
var atExit []func()

func newDriver(name string, in io.Writer, out io.Reader) *driver {
	d := &driver{name: name, in: in, to: map[int]chan report{}}
	go d.read(out)
	return d
}

func (d *driver) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	var err error
	for err == nil && lines.Scan() {
		var r report
		if err = json.Unmarshal(lines.Bytes(), &r); err != nil {
			err = fmt.Errorf("the driver of %s printed %q: %w", d.name, lines.Text(), err)
			break
		}
		d.mu.Lock()
		to := d.to[r.ID]
		d.mu.Unlock()
		if to == nil {
			err = fmt.Errorf("the driver of %s reports %+v, of a command that was never given", d.name, r)
			break
		}
		select {
		case to <- r:
		default:
			err = fmt.Errorf("the driver of %s reports more than anybody reads: %+v", d.name, r)
		}
	}
	if err == nil {
		err = fmt.Errorf("the driver of %s ended (%v)", d.name, lines.Err())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = err
	for _, to := range d.to {
		select {
		case to <- report{Kind: "failed", Message: err.Error()}:
		default:
		}
	}
}

// do gives a command; what it reports comes on the channel.
func (d *driver) do(c command) (id int, reports chan report) {
	d.writing.Lock()
	defer d.writing.Unlock()
	reports = make(chan report, 4096)
	d.mu.Lock()
	d.last++
	c.ID = d.last
	d.to[c.ID] = reports
	err := d.gone
	d.mu.Unlock()
	if err == nil {
		var line []byte
		if line, err = json.Marshal(c); err == nil {
			_, err = d.in.Write(append(line, '\n'))
		}
	}
	if err != nil {
		reports <- report{ID: c.ID, Kind: "failed", Message: err.Error()}
	}
	return c.ID, reports
}

// await waits for the next report.
func await(t *testing.T, what string, reports <-chan report) report {
	t.Helper()
	select {
	case r := <-reports:
		return r
	case <-time.After(patience):
		t.Fatalf("%s: nothing within %v", what, patience)
		return report{}
	}
}
