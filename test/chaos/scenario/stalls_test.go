package scenario

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/chaos/judge"
	"github.com/wamp-operator/wamp-operator/test/chaos/lab"
	"github.com/wamp-operator/wamp-operator/test/chaos/load"
)

// A machine that is too busy must not look like a router that breaks its promise, nor hide one that does.
func TestOnlyWhatHappensInAStallIsExcusedByIt(t *testing.T) {
	dir := t.TempDir()
	w := load.NewWorld(nil, nil, 1)
	woke := time.Now().Add(10 * time.Second)
	line := "time=" + woke.Format(time.RFC3339Nano) + ` level=WARN msg="this replica was asleep; it claims again what it owned" duration=500ms` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "router-0.log"), []byte("time=x level=INFO msg=serving\n"+line), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) judge.Fault { return judge.Fault{At: int64(w.At(woke) + d)} }
	r := &Run{
		lab: &lab.Lab{Replicas: []*lab.Replica{{Name: "router-0"}}}, world: w,
		line: Line{Dir: dir, Report: load.Report{Rotation: judge.Faults{
			PassedOver: 4,
			First:      []judge.Fault{at(-time.Second), at(-400 * time.Millisecond), at(500 * time.Millisecond), at(2 * time.Second)},
		}}},
	}
	stalls, err := r.stalls()
	if err != nil {
		t.Fatal(err)
	}
	r.excuse(stalls)
	if got := r.line.Rotation; got.PassedOver != 2 || r.line.Stalled != 2 || len(got.First) != 2 || got.First[1] != at(2*time.Second) {
		t.Errorf("%d excused, left: %+v", r.line.Stalled, got)
	}
}
