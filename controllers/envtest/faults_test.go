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

	mu    sync.Mutex
	made  map[string]uint64
	count map[string]int
}

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
	late      fate = "late"            // it takes a while
	broken    fate = "watch broken"    // the watch ends after a while
	behind    fate = "watch behind"    // what the watch tells comes late: the cache is stale
	expired   fate = "watch expired"   // the watch begins too far back
)

func (f *faults) pass(next http.RoundTripper, request *http.Request) (*http.Response, error) {
	if f.down.Load() {
		f.note("down")
		closeBody(request)
		return nil, errNetwork
	}
	if !f.on.Load() {
		return next.RoundTrip(request)
	}
	dice, n := f.dice(request)
	if request.URL.Query().Get("watch") != "" {
		if n > maxWatchFaults {
			return next.RoundTrip(request)
		}
		return f.watch(next, request, dice)
	}
	share := f.share
	if f.hard.Load() {
		share = 0.6
	}
	if dice.Float64() >= share {
		return next.RoundTrip(request)
	}
	write := request.Method != http.MethodGet
	fates := []fate{refused, refused, cut, late}
	if write {
		fates = append(fates, doneError, doneCut, doneCut)
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
		return f.after(next, request, time.Duration(dice.IntN(300))*time.Millisecond)
	}
	response, err := next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if what == doneCut {
		return nil, errNetwork
	}
	return answer(request, refusal(dice, false)), nil
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
func (f *faults) watch(next http.RoundTripper, request *http.Request, dice *rand.Rand) (*http.Response, error) {
	fates := []fate{"", "", "", behind, broken, pick(dice, broken, expired)}
	what := fates[dice.IntN(len(fates))]
	if what == "" {
		return next.RoundTrip(request)
	}
	f.note(string(what))
	if what == expired {
		return answer(request, apierrors.NewResourceExpired("too old resource version (made up)")), nil
	}
	response, err := next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if body := response.Body; what == broken {
		time.AfterFunc(time.Duration(100+dice.IntN(1500))*time.Millisecond, func() { _ = body.Close() })
	} else {
		response.Body = &lateBody{ReadCloser: body, faults: f, dice: dice, delay: 1 + dice.IntN(400)}
	}
	return response, nil
}

// lateBody is a watch whose events come late.
type lateBody struct {
	io.ReadCloser
	faults *faults
	dice   *rand.Rand // Read is called by one goroutine
	delay  int        // milliseconds at most
}

func (b *lateBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.faults.on.Load() {
		time.Sleep(time.Duration(b.dice.IntN(b.delay)) * time.Millisecond)
	}
	return n, err
}

// dice are thrown for one request, which is made for the nth time.
func (f *faults) dice(request *http.Request) (dice *rand.Rand, n uint64) {
	key := request.Method + " " + request.URL.Path + " " + request.URL.Query().Get("watch")
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
	return &faults{seed: seed, share: share, made: map[string]uint64{}, count: map[string]int{}}
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
