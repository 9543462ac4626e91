// Package history is what clients did to a cluster and what they were answered, in the words that the
// judges understand. A history that was saved can be judged again.
package history

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync"
)

// Kind is what an operation does.
type Kind uint8

const (
	// Register is a REGISTER and its answer.
	Register Kind = iota + 1
	// Unregister is the end of a registration, however it came: UNREGISTER, the session of the
	// callee closed, or its replica was lost. When the client learns it from nobody but the
	// connection that broke, Start is the last moment at which it knew that the registration was
	// there, and End is math.MaxInt64 until the replica is known to be dead.
	Unregister
	// Call is a CALL and its answer.
	Call
	// Trouble is not an operation of a client: from Start to End the Replica may not have been
	// reached by others, because it was stopped, cut off, killed, or was leaving.
	Trouble
)

var kindNames = [...]string{Register: "register", Unregister: "unregister", Call: "call", Trouble: "trouble"}

func (k Kind) String() string {
	if k < Register || k > Trouble {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindNames[k]
}

// MarshalText gives the name of a kind.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText finds the kind that has the name.
func (k *Kind) UnmarshalText(name []byte) error {
	i := slices.Index(kindNames[:], string(name))
	if i < int(Register) {
		return fmt.Errorf("%q is not a kind of operation: write register, unregister, call or trouble", name)
	}
	*k = Kind(i)
	return nil
}

// Never is the End of an operation that was not answered.
const Never int64 = math.MaxInt64

// Op is one operation.
type Op struct {
	Kind      Kind   `json:"kind"`
	Realm     string `json:"realm,omitempty"`
	Procedure string `json:"procedure,omitempty"`
	// Policy is the invocation policy that a Register asked for.
	Policy string `json:"policy,omitempty"`
	// Client is the number of the client that did it, Replica the one that it was connected to.
	Client  int    `json:"client"`
	Replica string `json:"replica,omitempty"`
	// Start and End are nanoseconds since the run began, by one monotonic clock for all clients:
	// right before the request was written, and right after the answer was read. End is Never
	// when no answer came: it may have happened at any time since Start, or not at all.
	Start int64 `json:"start"`
	End   int64 `json:"end"`
	// Callee is the number of the registration, unique in the run and never 0. Of a Call it is the
	// registration that answered, 0 when that is unknown.
	Callee int64 `json:"callee,omitempty"`
	// Error is the URI of the ERROR; empty when it succeeded, or was not answered.
	Error string `json:"error,omitempty"`
}

// Recorder collects operations. It may be used by several goroutines at once.
type Recorder struct {
	mu  sync.Mutex
	ops []Op
}

// Append adds an operation. The order of calls does not matter.
func (r *Recorder) Append(op Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
}

// Ops is a copy of what was recorded so far, sorted by Start.
func (r *Recorder) Ops() []Op {
	r.mu.Lock()
	ops := slices.Clone(r.ops)
	r.mu.Unlock()
	slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(a.Start, b.Start) })
	return ops
}

// Save writes what was recorded to a file, one operation a line.
func (r *Recorder) Save(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("saving a history: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return Write(f, r.Ops())
}

// Write writes operations as JSON, one a line.
func Write(w io.Writer, ops []Op) error {
	buffer := bufio.NewWriter(w)
	lines := json.NewEncoder(buffer)
	for _, op := range ops {
		if err := lines.Encode(op); err != nil {
			return fmt.Errorf("writing a history: %w", err)
		}
	}
	return buffer.Flush()
}

// Load reads a file that Save wrote.
func Load(path string) (*Recorder, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("loading a history: %w", err)
	}
	defer f.Close()
	ops, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Recorder{ops: ops}, nil
}

// Read reads what Write wrote.
func Read(r io.Reader) (ops []Op, err error) {
	lines := json.NewDecoder(bufio.NewReader(r))
	for {
		var op Op
		switch err := lines.Decode(&op); {
		case errors.Is(err, io.EOF):
			return ops, nil
		case err != nil:
			return nil, fmt.Errorf("operation %d of the history: %w", len(ops)+1, err)
		}
		ops = append(ops, op)
	}
}
