// Command wamp-demo is the WAMP application of the demonstration: its pod runs the callees, and
// the other commands are run in that pod with kubectl exec. Where the routers are is in the
// environment (see package app). Results are JSON, one value a line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wamp-operator/wamp-operator/test/app"
)

const usage = `usage: wamp-demo COMMAND

  callees                      run a callee at every router; they reconnect
  call [-from ROUTER] URI      make one call and print who answered
  rotation [-calls N] [-seed N] URI   calls in turn, each from a random router
  share [-calls N] URI         calls from all routers at the same time
  load [-routers A,B] URI      call all the time until standard input ends
  register [-at ROUTER] [-invoke POLICY] URI   try to register
  login [-at ROUTER] -method METHOD -authid NAME -secret SECRET REALM   try to join
  state -token TOKEN           what every router holds
`

// names of the callees, in the order in which they register.
var names = []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err := command(ctx, os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "wamp-demo:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, name string, args []string) error {
	routers, err := app.RoutersFromEnvironment()
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	var (
		from    = flags.String("from", routers.Names[0], "router to call from")
		at      = flags.String("at", routers.Names[0], "router to register at")
		calls   = flags.Int("calls", 300, "number of calls; of each router for share")
		seed    = flags.Uint64("seed", 1, "chooses the routers that calls are made from")
		some    = flags.String("routers", strings.Join(routers.Names, ","), "routers to call from")
		callers = flags.Int("callers", 3, "callers at each router")
		invoke  = flags.String("invoke", "single", "invocation policy")
		method  = flags.String("method", "ticket", "ticket or wampcra")
		authid  = flags.String("authid", "", "name to join with")
		secret  = flags.String("secret", "", "what proves it")
		token   = flags.String("token", "", "token of the administration port")
		port    = flags.String("port", "9090", "administration port")
	)
	_ = flags.Parse(args)
	uri := flags.Arg(0)
	if uri == "" && name != "callees" && name != "state" {
		return fmt.Errorf("%s needs a URI\n%s", name, usage)
	}
	out := json.NewEncoder(os.Stdout)
	switch name {
	case "callees":
		return callees(ctx, routers)
	case "call":
		routers.Names = []string{*from}
		turns, err := app.Rotation(ctx, routers, uri, 1, 0)
		if err != nil {
			return err
		}
		fmt.Printf("%s answered\n", turns[0].Callee)
		return nil
	case "rotation":
		turns, err := app.Rotation(ctx, routers, uri, *calls, *seed)
		if err != nil {
			return err
		}
		return out.Encode(turns)
	case "share":
		answers, err := app.Share(ctx, routers, uri, *calls)
		if err != nil {
			return err
		}
		return out.Encode(answers)
	case "load":
		routers.Names = strings.Split(*some, ",")
		return load(ctx, routers, uri, *callers, out)
	case "register":
		refusal, err := app.TryRegister(ctx, routers, *at, app.Procedure{URI: uri, Invoke: *invoke})
		if err != nil {
			return err
		}
		return out.Encode(refusal)
	case "login":
		welcome, err := app.TryLogin(ctx, routers, *at, app.Login{Realm: uri, AuthID: *authid, Method: *method, Secret: *secret})
		if err != nil {
			return err
		}
		return out.Encode(welcome)
	case "state":
		states, err := app.States(ctx, routers, *port, *token)
		if err != nil {
			return err
		}
		return out.Encode(states)
	}
	return fmt.Errorf("unknown command %q\n%s", name, usage)
}

// readyAddress answers the pod's readiness probe.
const readyAddress = ":8080"

// callees registers what config/samples declares. Only the first callee takes the procedure that
// there is but one callee for.
func callees(ctx context.Context, routers app.Routers) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stdout, nil))
	if len(routers.Names) > len(names) {
		return fmt.Errorf("%d routers: there are names for %d callees", len(routers.Names), len(names))
	}
	var all []app.Callee
	for i, router := range routers.Names {
		c := app.Callee{Name: names[i], Router: router, Logger: logger, Procedures: []app.Procedure{
			{URI: "com.example.rotate", Invoke: "roundrobin"},
			{URI: "com.example.primary", Invoke: "first"},
			{URI: "com.example.latest", Invoke: "last"},
			{URI: "com.example.any", Invoke: "random"},
		}}
		if i == 0 {
			c.Procedures = append(c.Procedures, app.Procedure{URI: "com.example.only", Invoke: "single"})
		}
		all = append(all, c)
	}
	var ready atomic.Bool
	probe := &http.Server{Addr: readyAddress, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	failed := make(chan error, 1)
	go func() {
		failed <- probe.ListenAndServe()
		stop()
	}()
	app.RunCallees(ctx, routers, all, func() {
		logger.Info("all callees are registered")
		ready.Store(true)
	})
	_ = probe.Close()
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// load prints a line for each callee that answers for the first time, at once, and the sum at the
// end.
func load(ctx context.Context, routers app.Routers, uri string, callers int, out *json.Encoder) error {
	stop := make(chan struct{})
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		}
		close(stop)
	}()
	sum, err := app.Call(ctx, routers, uri, callers, stop, func(callee string) {
		_ = out.Encode(app.LoadEvent{Callee: callee})
	})
	if err != nil {
		return err
	}
	return out.Encode(app.LoadEvent{Sum: &sum})
}
