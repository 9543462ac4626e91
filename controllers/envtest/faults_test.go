package envtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// faults stand between the operator and the API server. What becomes of a request follows from the
// seed, the request and how often it was made before, so that a seed does much the same however
// goroutines take turns.
type faults struct {
	seed uint64
	// share of the requests that something happens to.
	share float64
	on    atomic.Bool
	// hard: more of them.
	hard atomic.Bool
	// down: nothing gets through at all.
	down atomic.Bool
	// narrow, when not 0, lets faults meet what is written, and what is read by name, and nothing else; each
	// number makes others of them. None is met more than mostInARow times in a row.
	narrow atomic.Uint64
	// lag is how much later, in milliseconds, caches learn what happens.
	lag atomic.Int64
	// last is when something was asked for last, watches apart, in nanoseconds since 1970.
	last atomic.Int64

	mu    sync.Mutex
	made  map[string]uint64
	row   map[string]int
	count map[string]int
}

const mostInARow = 3

// wrap is for rest.Config.WrapTransport.
func (f *faults) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(request *http.Request) (*http.Response, error) { return f.pass(next, request) })
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

var errNetwork = errors.New("read tcp: connection reset by peer (made up)")

// fate is what happens to one request.
type fate string

const (
	refused   fate = "refused"         // the answer is an error, and nothing was done
	cut       fate = "cut"             // no answer, and nothing was done
	doneError fate = "done, error"     // it was done, and the answer is an error
	doneCut   fate = "done, no answer" // it was done, and there is no answer
	doneLate  fate = "done, late"      // it was done, and the answer comes late
	late      fate = "late"            // it takes a while
	broken    fate = "watch broken"    // the watch ends after a while
	behind    fate = "watch behind"    // what the watch tells comes late: the cache is stale
	expired   fate = "watch expired"   // the watch begins too far back
)

func (f *faults) pass(next http.RoundTripper, request *http.Request) (*http.Response, error) {
	watch := request.URL.Query().Get("watch") != ""
	if !watch && resourceOf(request.URL.Path) != "events" {
		f.last.Store(time.Now().UnixNano())
	}
	switch {
	case f.down.Load():
		f.note("down")
		closeBody(request)
		return nil, errNetwork
	case watch:
		return f.watch(next, request)
	case !f.on.Load():
		return next.RoundTrip(request)
	}
	write := request.Method != http.MethodGet
	dice, met := f.meets(request)
	if !met {
		return next.RoundTrip(request)
	}
	fates := []fate{refused, refused, cut, late}
	if write {
		fates = append(fates, doneError, doneCut, doneCut, doneLate)
	}
	what := fates[dice.IntN(len(fates))]
	f.note(string(what))
	switch what {
	case refused:
		closeBody(request)
		return answer(request, refusal(dice, write)), nil
	case cut:
		closeBody(request)
		return nil, errNetwork
	case late:
		return f.after(next, request, time.Duration(dice.IntN(150))*time.Millisecond)
	}
	response, err := next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if what == doneLate {
		select {
		case <-request.Context().Done():
		case <-time.After(time.Duration(50+dice.IntN(200)) * time.Millisecond):
		}
		return response, nil
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if what == doneCut {
		return nil, errNetwork
	}
	return answer(request, refusal(dice, false)), nil
}

// meets tells whether something happens to a request.
func (f *faults) meets(request *http.Request) (*rand.Rand, bool) {
	round := f.narrow.Load()
	if round == 0 {
		dice, _ := f.dice(request, "")
		share := f.share
		if f.hard.Load() {
			share = 0.6
		}
		return dice, dice.Float64() < share
	}
	if !named(request.URL.Path) {
		return nil, false
	}
	key := fmt.Sprint(round, request.Method, request.URL.Path)
	dice, _ := f.dice(request, fmt.Sprint(round))
	f.mu.Lock()
	defer f.mu.Unlock()
	if dice.Float64() >= 0.5 || f.row[key] >= mostInARow {
		f.row[key] = 0
		return nil, false
	}
	f.row[key]++
	return dice, true
}

// named tells whether a path is that of one object in a namespace, or of something of it.
func named(path string) bool {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	place := slices.Index(parts, "namespaces")
	return place >= 0 && place+3 < len(parts)
}

// calm waits until nothing was asked for during that time. Kubernetes has to have looked around meanwhile as
// often as it does in that time: on a machine that is busy nothing happens for a while, and is still to come.
func (f *faults) calm(w *world, during time.Duration) {
	w.t.Helper()
	const limit = 2 * time.Minute
	begin, looks := time.Now(), w.looks.Load()
	for last := f.last.Load(); time.Since(begin) < limit; <-time.After(20 * time.Millisecond) {
		if now := f.last.Load(); now != last {
			last, looks = now, w.looks.Load()
		}
		quiet := min(time.Since(begin), time.Since(time.Unix(0, last)))
		if quiet >= during && w.looks.Load()-looks >= int64(during/(2*lookPause)) {
			return
		}
	}
	w.t.Fatalf("the operator still asks for something after %s", limit)
}

func (f *faults) after(next http.RoundTripper, request *http.Request, wait time.Duration) (*http.Response, error) {
	select {
	case <-request.Context().Done():
		closeBody(request)
		return nil, request.Context().Err()
	case <-time.After(wait):
		return next.RoundTrip(request)
	}
}

// maxWatchFaults is how often something may happen to the watches of a kind: after each the client waits
// longer before the next one, and a test would wait with it.
const maxWatchFaults = 4

// watch lets every other watch go wrong.
func (f *faults) watch(next http.RoundTripper, request *http.Request) (*http.Response, error) {
	dice, n := f.dice(request, "")
	what := fate("")
	if f.on.Load() && f.narrow.Load() == 0 && n <= maxWatchFaults {
		fates := []fate{"", "", "", behind, broken, pick(dice, broken, expired)}
		if what = fates[dice.IntN(len(fates))]; what != "" {
			f.note(string(what))
		}
	}
	if what == expired {
		return answer(request, apierrors.NewResourceExpired("too old resource version (made up)")), nil
	}
	response, err := next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	late := &lateBody{ReadCloser: response.Body, faults: f, dice: dice}
	if what == behind {
		late.delay = 1 + dice.Int64N(400)
	}
	if what == broken {
		time.AfterFunc(time.Duration(100+dice.IntN(1500))*time.Millisecond, func() { _ = late.Close() })
	}
	response.Body = late
	return response, nil
}

// lateBody is a watch whose events may come late.
type lateBody struct {
	io.ReadCloser
	faults *faults
	dice   *rand.Rand // Read is called by one goroutine
	delay  int64      // milliseconds at most, while faults are on
	until  time.Time  // when it was late last
}

// together is how long what comes after something that was late is not late as well: it waited as long.
const together = 50 * time.Millisecond

func (b *lateBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	delay := b.faults.lag.Load()
	if b.delay > 0 && b.faults.on.Load() {
		delay += b.dice.Int64N(b.delay)
	}
	if delay > 0 && time.Since(b.until) > together {
		time.Sleep(time.Duration(delay) * time.Millisecond)
		b.until = time.Now()
	}
	return n, err
}

// dice are thrown for one request, which is made for the nth time in that round.
func (f *faults) dice(request *http.Request, round string) (dice *rand.Rand, n uint64) {
	key := round + request.Method + " " + request.URL.Path + " " + request.URL.Query().Get("watch")
	f.mu.Lock()
	f.made[key]++
	n = f.made[key]
	f.mu.Unlock()
	which := fnv.New64a()
	fmt.Fprintf(which, "%s %d", key, n)
	return rand.New(rand.NewPCG(f.seed, which.Sum64())), n
}

func (f *faults) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count[what]++
}

// String tells what happened, and how often.
func (f *faults) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, what := range slices.Sorted(maps.Keys(f.count)) {
		out = append(out, fmt.Sprintf("%s: %d", what, f.count[what]))
	}
	return strings.Join(out, ", ")
}

func newFaults(seed uint64) *faults {
	share := 0.1 + 0.4*rand.New(rand.NewPCG(seed, 0)).Float64()
	return &faults{seed: seed, share: share, made: map[string]uint64{}, row: map[string]int{}, count: map[string]int{}}
}

// refusal is an error as API servers answer with.
func refusal(dice *rand.Rand, write bool) *apierrors.StatusError {
	things := schema.GroupResource{Resource: "things"}
	errs := []*apierrors.StatusError{
		apierrors.NewInternalError(errors.New("made up")),
		apierrors.NewTooManyRequestsError("made up"),
		apierrors.NewServerTimeout(things, "get", 0),
		apierrors.NewTimeoutError("made up", 0),
		apierrors.NewServiceUnavailable("made up"),
	}
	if write {
		errs = append(errs, apierrors.NewConflict(things, "made-up", errors.New("made up")))
	}
	return errs[dice.IntN(len(errs))]
}

// answer makes a response of an error.
func answer(request *http.Request, err *apierrors.StatusError) *http.Response {
	status := err.Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: corev1.SchemeGroupVersion.String(), Kind: "Status"}
	data, _ := json.Marshal(status) // a struct of strings and numbers
	return &http.Response{
		StatusCode: int(status.Code), Status: http.StatusText(int(status.Code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(data)),
		ContentLength: int64(len(data)), Request: request,
	}
}

// closeBody is what a RoundTripper owes to a request that it does not send.
func closeBody(request *http.Request) {
	if request.Body != nil {
		_ = request.Body.Close()
	}
}
