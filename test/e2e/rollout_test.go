package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wamp-operator/wamp-operator/test/app"
)

const foreignManifest = `
apiVersion: wamp-operator.io/v1alpha1
kind: WampProcedure
metadata: {name: foreign}
spec: {clusterRef: {name: demo}, realm: realm1, uri: com.example.foreign, invoke: roundrobin, hold: 5s}
`

// nextImage is the tag of the image that routers are updated to: the same program under another name.
const nextImage = "next"

// rollout gives the routers another image, with calls of our own load and of other people's clients.
func rollout(t *testing.T, ctx context.Context, s *site) {
	s.Step("Another router image, under load")
	image, archive, err := s.Images.BuildRouter(ctx, s.Cluster, nextImage)
	must(t, err)
	_, err = s.Cluster.Kube(ctx, "load", archive)
	must(t, err)
	must(t, s.Cluster.Apply(ctx, s.namespace, foreignManifest))
	s.kubectl(t, ctx, "wait", "--for=condition=Programmed", "--timeout=30s", "wampprocedure/foreign")

	before := s.lives(t, ctx)
	autobahn := s.autobahn(t, ctx, "realm1", "com.example.foreign")
	nexus := s.nexus(t, ctx, "realm1", "com.example.foreign")
	var staying []*stayer
	for _, library := range javascript { // they answer calls of the other two
		staying = append(staying, s.stays(t, ctx, library, "com.example.foreign", "roundrobin"))
	}
	calls := s.traffic(t, ctx, nil)
	unready := s.unready(t, ctx, 3)
	begin := time.Now()
	s.do(t, ctx, "patch", "wampcluster", s.cluster, "--type=merge", "-p", `{"spec":{"image":"`+image+`"}}`)
	s.rolledTo(t, ctx, image, 3*time.Minute)
	s.took(t, rolloutTime, time.Since(begin))
	s.figure(t, rolloutUnready, float64(unready()))
	for _, c := range staying {
		s.again(t, ctx, c, 2)
	}
	calls.end(t, ctx, rolloutFailed)
	s.figure(t, rolloutForeign, float64(nexus()+autobahn()))
	if n := restarted(before, s.lives(t, ctx)); n != 3 {
		t.Errorf("another image replaced %v of 3 routers", n)
	}
	s.kubectl(t, ctx, "delete", "wampprocedure", "foreign", "--timeout=15s")
	s.calleesBack(t, ctx)
}

// rolledTo waits until the routers have an image and are whole.
func (s *site) rolledTo(t *testing.T, ctx context.Context, image string, within time.Duration) {
	t.Helper()
	s.eventually(t, ctx, within, "three ready routers with the image "+image, func() (bool, string) {
		n, seen := 0, ""
		for _, p := range s.pods(t, ctx) {
			seen += p.Name + " has " + p.Spec.Containers[0].Image + "; "
			if p.Spec.Containers[0].Image == image && ready(&p) {
				n++
			}
		}
		return n == 3, seen
	})
	s.whole(t, ctx, 3, time.Minute)
}

// nexus starts a callee and callers of nexus's client that are connected through the Service; the
// function that it returns stops the callers and tells how many calls failed. The callee stays for
// whoever still calls.
func (s *site) nexus(t *testing.T, ctx context.Context, realm, procedure string) (failed func() int) {
	t.Helper()
	routers := s.through(t, ctx, realm, "any", "other", "third")
	callee := app.Callee{Name: "nexus", Router: "any", Logger: slog.New(slog.DiscardHandler), Procedures: []app.Procedure{{URI: procedure, Invoke: "roundrobin"}}}
	s.stay(t, ctx, routers, []app.Callee{callee}, "of nexus's client")
	stop := make(chan struct{})
	type result struct {
		load app.Load
		err  error
	}
	sum := make(chan result, 1)
	go func() {
		load, err := app.Call(ctx, routers, procedure, 1, stop, func(string) {})
		sum <- result{load, err}
	}()
	return func() int {
		t.Helper()
		close(stop)
		r := <-sum
		must(t, r.err)
		s.Say("nexus: %d calls, %d results, errors %v, unanswered %d, sent again after GOODBYE %d", r.load.Calls, r.load.Results, r.load.Errors, r.load.Unanswered, r.load.Resent)
		if r.load.Calls < 100 {
			t.Errorf("nexus's client made %d calls only", r.load.Calls)
		}
		return r.load.Failed() - early(t, r.load.Errors) + r.load.Unanswered
	}
}

// early counts the calls that nexus's callee refused: its client knows a procedure of its own a moment after it
// has read REGISTERED, and answers calls that come between with this error.
func early(t *testing.T, errors map[string]int) int {
	t.Helper()
	n := errors["wamp.error.invalid_argument"]
	if n > 10 {
		t.Errorf("nexus's callee refused %d calls: more than can have come right behind REGISTERED", n)
	}
	return n
}

// autobahn does the same with Autobahn|JS, whose callee leaves with the caller.
func (s *site) autobahn(t *testing.T, ctx context.Context, realm, procedure string) (failed func() int) {
	t.Helper()
	dir := s.interop(t, "autobahn")
	cmd := s.Cluster.Command(ctx, "node", filepath.Join(dir, "stay.js"), "ws://"+s.service(t, ctx)+"/ws", realm, procedure)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	return func() int {
		t.Helper()
		must(t, in.Close())
		if err := cmd.Wait(); err != nil {
			t.Fatalf("Autobahn|JS: %v: %s", err, out.String())
		}
		var sum struct {
			Calls, Results, Unanswered, Resent, Connections int
			Errors                                          map[string]int
		}
		text, err := io.ReadAll(&out)
		must(t, err)
		if err := json.Unmarshal(text, &sum); err != nil {
			t.Fatalf("Autobahn|JS printed %q: %v", text, err)
		}
		s.Say("Autobahn|JS: %d calls, %d results, errors %v, unanswered %d, sent again after GOODBYE %d; %d connections",
			sum.Calls, sum.Results, sum.Errors, sum.Unanswered, sum.Resent, sum.Connections)
		if sum.Calls < 100 {
			t.Errorf("Autobahn|JS made %d calls only", sum.Calls)
		}
		return sum.Calls - sum.Results - early(t, sum.Errors)
	}
}
