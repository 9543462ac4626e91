package history

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A failed run is of use only if what was saved is what happened.
func TestSavedHistoryIsTheSame(t *testing.T) {
	var r Recorder
	want := []Op{
		{Kind: Register, Realm: "realm1", Procedure: "p", Policy: "roundrobin", Client: 3, Replica: "a", Start: 1, End: 5, Callee: 7},
		{Kind: Call, Realm: "realm1", Procedure: "p", Replica: "b", Start: 6, End: Never},
		{Kind: Call, Realm: "realm1", Procedure: "p", Replica: "b", Start: 7, End: 9, Error: "wamp.error.canceled"},
		{Kind: Trouble, Replica: "a", Start: 8, End: 20},
		{Kind: Unregister, Realm: "realm1", Procedure: "p", Client: 3, Replica: "a", Start: 10, End: 11, Callee: 7},
	}
	for _, op := range slices.Backward(want) {
		r.Append(op)
	}
	path := filepath.Join(t.TempDir(), "history.jsonl")
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := loaded.Ops(); !slices.Equal(got, want) {
		t.Errorf("saved %+v, loaded %+v", want, got)
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	_, err := Read(strings.NewReader("{\"kind\":\"call\"}\n{\"kind\":\"shout\"}\n"))
	if err == nil || !strings.Contains(err.Error(), `"shout" is not a kind of operation`) || !strings.Contains(err.Error(), "operation 2") {
		t.Errorf("got %v", err)
	}
}

func TestRecorderIsSafeForAll(t *testing.T) {
	var r Recorder
	var all sync.WaitGroup
	for client := range 8 {
		all.Go(func() {
			for i := range 100 {
				r.Append(Op{Kind: Call, Client: client, Start: int64(i)})
				_ = r.Ops()[0]
			}
		})
	}
	all.Wait()
	if n := len(r.Ops()); n != 800 {
		t.Errorf("%d operations", n)
	}
}
