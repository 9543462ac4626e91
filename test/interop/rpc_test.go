package interop

import (
	"fmt"
	"reflect"
	"time"
)

var rpcScenarios = []scenario{
	{"arguments come and go", func(r *run) {
		callee, caller := r.far(), r.near()
		callee.register(r.uri("echo"), nil, echoes)
		args := list{"text", "ünïcödé ✓ 🦊", "", 0.0, -1.0, 1.5, 9007199254740991.0, true, false, nil, list{}, list{1.0, list{2.0}}, dict{"a": dict{"b": list{nil}}}}
		kwargs := dict{"list": list{1.0, "two", nil}, "one": 1.0}
		got := caller.call(r.uri("echo"), args, kwargs, nil)
		if !reflect.DeepEqual(got.Args, args) || !reflect.DeepEqual(got.Kwargs, kwargs) {
			r.Errorf("%v %v came back as %v %v", args, kwargs, got.Args, got.Kwargs)
		}
		if got := caller.call(r.uri("echo"), nil, nil, nil); len(got.Args) != 0 || len(got.Kwargs) != 0 {
			r.Errorf("nothing came back as %v %v", got.Args, got.Kwargs)
		}
	}},
	{"errors come back", func(r *run) {
		callee, caller := r.far(), r.near()
		callee.register(r.uri("fail"), nil, func(i *invocation) {
			i.fail("com.myapp.error.broken", list{"it broke", 7.0}, dict{"part": "spring"})
		})
		got := caller.refused("com.myapp.error.broken", r.uri("fail"))
		if !reflect.DeepEqual(got.Args, list{"it broke", 7.0}) || !reflect.DeepEqual(got.Kwargs, dict{"part": "spring"}) {
			r.Errorf("the error came with %v %v", got.Args, got.Kwargs)
		}
		caller.refused("wamp.error.no_such_procedure", r.uri("absent"))
	}},
	{"a procedure is registered once", func(r *run) {
		callee, other := r.far(), r.near()
		registration := callee.register(r.uri("single"), nil, echoes)
		if _, refusal := other.tryRegister(r.uri("single"), nil, echoes); refusal == nil || refusal.URI != "wamp.error.procedure_already_exists" {
			r.Errorf("a second registration was answered with %+v", refusal)
		}
		if _, refusal := other.tryRegister(r.uri("single"), dict{"invoke": "roundrobin"}, echoes); refusal == nil ||
			refusal.URI != "wamp.error.procedure_exists_with_different_invocation_policy" {
			r.Errorf("a second registration with another policy was answered with %+v", refusal)
		}
		registration.unregister()
		other.refused("wamp.error.no_such_procedure", r.uri("single"))
		other.register(r.uri("single"), nil, says("other"))
		same(r.T, "the answer of a new callee", callee.ask(r.uri("single")), "other")
	}},
	{"callees share a registration", func(r *run) {
		a, b, caller := r.far(), r.near(), r.near()
		for _, policy := range []string{"roundrobin", "first", "last", "random"} {
			x := a.register(r.uri(policy), dict{"invoke": policy}, says("a"))
			y := b.register(r.uri(policy), dict{"invoke": policy}, says("b"))
			same(r.T, "registration ids", x.details["registration"], y.details["registration"])
		}
		for i := range 6 {
			for policy, want := range map[string]string{"roundrobin": []string{"a", "b"}[i%2], "first": "a", "last": "b"} {
				same(r.T, "the callee of "+policy, caller.ask(r.uri(policy)), want)
			}
		}
		heard := map[any]bool{}
		for range 40 { // one of two is left out once in 10^12 runs
			heard[caller.ask(r.uri("random"))] = true
		}
		same(r.T, "callees of random", len(heard), 2)
	}},
	{"prefix registration", func(r *run) {
		callee, caller := r.far(), r.near()
		callee.register(r.uri("prefix"), dict{"match": "prefix"}, says("prefix"))
		for _, name := range []string{"prefix.one", "prefix.one.two"} {
			got := caller.call(r.uri(name), nil, nil, nil)
			same(r.T, "the answer", got.Args, list{"prefix"})
			same(r.T, "INVOCATION.Details.procedure", got.Kwargs["procedure"], r.uri(name))
		}
		caller.refused("wamp.error.no_such_procedure", r.uri("other.one"))
	}},
	{"wildcard registration", func(r *run) {
		callee, caller := r.far(), r.near()
		callee.register(r.uri("wildcard..end"), dict{"match": "wildcard"}, says("wildcard"))
		got := caller.call(r.uri("wildcard.any.end"), nil, nil, nil)
		same(r.T, "the answer", got.Args, list{"wildcard"})
		same(r.T, "INVOCATION.Details.procedure", got.Kwargs["procedure"], r.uri("wildcard.any.end"))
		caller.refused("wamp.error.no_such_procedure", r.uri("wildcard.any.other"))
	}},
	{"exact before longest prefix before wildcard", func(r *run) {
		a, b, caller := r.far(), r.near(), r.near()
		a.register(r.uri("p..c.d"), dict{"match": "wildcard"}, says("wildcard"))
		b.register(r.uri("p"), dict{"match": "prefix"}, says("prefix"))
		same(r.T, "before exact", caller.ask(r.uri("p.b.c.d")), "prefix")
		a.register(r.uri("p.b"), dict{"match": "prefix"}, says("longer prefix"))
		same(r.T, "the longer prefix", caller.ask(r.uri("p.b.c.d")), "longer prefix")
		b.register(r.uri("p.b.c.d"), nil, says("exact"))
		same(r.T, "exact", caller.ask(r.uri("p.b.c.d")), "exact")
	}},
	{"progressive results", func(r *run) {
		callee, caller := r.far(), r.near()
		if r.library.noStreams {
			callee = r.farNexus()
		}
		callee.register(r.uri("progress"), nil, func(i *invocation) {
			if i.Details["receive_progress"] == true {
				for n := range 5 {
					i.progress(float64(n))
				}
			}
			i.answer(list{"end"}, nil)
		})
		c := caller.begin(r.uri("progress"), nil, nil, dict{"receive_progress": true})
		for n := range 5 {
			if p := c.next(); p.Kind != "progress" || !reflect.DeepEqual(p.Args, list{float64(n)}) {
				r.Fatalf("progressive result %d is %+v", n, p)
			}
		}
		same(r.T, "the final result", c.next().Args, list{"end"})
		plain := caller.begin(r.uri("progress"), nil, nil, nil)
		if end := plain.next(); end.Kind != "done" {
			r.Errorf("a caller that asked for none got %+v", end)
		}
	}},
	{"progressive invocations", func(r *run) {
		// Only nexus's client says that it takes them as a callee.
		callee, caller := r.farNexus(), r.near()
		pieces := make(chan *invocation, 5)
		callee.register(r.uri("sum"), nil, func(i *invocation) { pieces <- i })
		c := caller.begin(r.uri("sum"), list{1.0}, nil, dict{"progress": true})
		for n := 2.0; n <= 5; n++ {
			caller.d.do(command{Op: "piece", Of: c.id, Args: list{n}, Options: dict{"progress": n < 5}})
		}
		sum := 0.0
		var last *invocation
		for range 5 {
			i := next(r, fmt.Sprintf("a piece, after those of the sum %v", sum), pieces)
			sum += i.Args[0].(float64)
			if i.Details["progress"] != true {
				last = i
			}
		}
		if last == nil {
			r.Fatal("no piece was the last")
		}
		last.answer(list{sum}, nil)
		same(r.T, "the sum of all pieces", c.end().Args, list{15.0})
	}},
	{"cancel: killnowait", func(r *run) { cancels(r, "killnowait") }},
	{"cancel: kill", func(r *run) { cancels(r, "kill") }},
	{"cancel: skip", func(r *run) { cancels(r, "skip") }},
	{"INTERRUPT when the caller leaves", func(r *run) {
		callee, caller := r.far(), r.near()
		began, interrupted := make(chan struct{}), make(chan struct{})
		callee.register(r.uri("wait"), nil, func(i *invocation) {
			close(began)
			<-i.interrupted
			close(interrupted)
			i.fail("wamp.error.canceled", nil, nil)
		})
		caller.begin(r.uri("wait"), nil, nil, nil)
		happens(r, "the invocation", began)
		caller.leave()
		happens(r, "INTERRUPT", interrupted)
	}},
	{"a callee that leaves ends its calls", func(r *run) {
		callee, caller := r.far(), r.near()
		began := make(chan struct{})
		callee.register(r.uri("wait"), nil, func(*invocation) { close(began) })
		c := caller.begin(r.uri("wait"), nil, nil, nil)
		happens(r, "the invocation", began)
		callee.leave()
		same(r.T, "the answer", c.end().URI, "wamp.error.canceled")
	}},
	{"call timeout", func(r *run) {
		callee, caller := r.far(), r.near()
		callee.register(r.uri("slow"), nil, func(i *invocation) {
			select {
			case <-i.interrupted:
				i.fail("wamp.error.canceled", nil, nil)
			case <-r.Context().Done():
			}
		})
		callee.register(r.uri("quick"), nil, echoes)
		began := time.Now()
		same(r.T, "the answer", caller.begin(r.uri("slow"), nil, nil, dict{"timeout": 100}).end().URI, "wamp.error.timeout")
		if took := time.Since(began); took < 100*time.Millisecond {
			r.Errorf("a timeout of 100 ms came after %v", took)
		}
		caller.call(r.uri("quick"), nil, nil, dict{"timeout": 60000})
	}},
	{"the caller discloses itself", func(r *run) {
		callee, caller := r.far(), r.near()
		callee.register(r.uri("who"), nil, says("who"))
		got := caller.call(r.uri("who"), nil, nil, dict{"disclose_me": true})
		same(r.T, "caller", got.Kwargs["caller"], caller.wampID())
		same(r.T, "caller_authrole", got.Kwargs["caller_authrole"], "anonymous")
		if got := caller.call(r.uri("who"), nil, nil, nil); got.Kwargs["caller"] != nil {
			r.Errorf("a caller that disclosed nothing was named: %v", got.Kwargs)
		}
	}},
	{"the callee asks who calls", func(r *run) {
		callee, caller := r.far(), r.near()
		callee.register(r.uri("who"), dict{"disclose_caller": true}, says("who"))
		same(r.T, "caller", caller.call(r.uri("who"), nil, nil, nil).Kwargs["caller"], caller.wampID())
	}},
	{"concurrency of a registration", func(r *run) {
		callee, caller := r.far(), r.near()
		open := make(chan *invocation, 10)
		callee.register(r.uri("one"), dict{"concurrency": 1}, func(i *invocation) { open <- i })
		calls := []*call{caller.begin(r.uri("one"), list{"x"}, nil, nil), caller.begin(r.uri("one"), list{"x"}, nil, nil)}
		for n := range calls {
			i := next(r, "an invocation", open)
			select {
			case <-open:
				r.Error("the callee has two invocations open")
			case <-time.After(30 * time.Millisecond):
			}
			i.answer(list{float64(n)}, nil)
		}
		sum := 0.0
		for _, c := range calls {
			answer, _ := c.end().Args[0].(float64)
			sum += answer
		}
		same(r.T, "the sum of the answers 0 and 1", sum, 1)
	}},
	{"an unavailable callee", func(r *run) {
		// None of the libraries says that its callees may be passed over (call_reroute), so the
		// caller gets their ERROR.
		callee, caller := r.far(), r.near()
		callee.register(r.uri("shared"), dict{"invoke": "first"}, func(i *invocation) { i.fail("wamp.error.unavailable", nil, nil) })
		caller.refused("wamp.error.unavailable", r.uri("shared"))
	}},
	{"payload passthru", func(r *run) {
		callee, caller := r.far(), r.near()
		ppt := dict{"ppt_scheme": "x_custom", "ppt_serializer": "json"}
		callee.register(r.uri("opaque"), nil, func(i *invocation) {
			i.s.d.do(command{Op: "answer", Of: i.ID, Number: i.Number, Args: i.Args, Options: ppt})
		})
		got := caller.call(r.uri("opaque"), list{"secret"}, nil, ppt)
		same(r.T, "the answer", got.Args, list{"secret"})
		same(r.T, "RESULT.Details.ppt_scheme", got.Details["ppt_scheme"], "x_custom")
	}},
	{"many calls at once", func(r *run) {
		callee, caller := r.far(), r.near()
		callee.register(r.uri("echo"), nil, echoes)
		var calls []*call
		for n := range 100 {
			calls = append(calls, caller.begin(r.uri("echo"), list{float64(n)}, nil, nil))
		}
		for n, c := range calls {
			same(r.T, "the answer", c.end().Args, list{float64(n)})
		}
	}},
}

// next waits for a value.
func next[T any](r *run, what string, c <-chan T) T {
	r.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		r.Fatalf("%s: not within %v", what, patience)
		panic("unreachable")
	}
}

// happens waits for a channel to be closed.
func happens(r *run, what string, c <-chan struct{}) {
	r.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		r.Fatalf("%s: not within %v", what, patience)
	}
}

// cancels cancels a call in a mode: the caller gets ERROR wamp.error.canceled, and the callee is
// interrupted unless the mode is skip. With kill the ERROR is that of the callee.
func cancels(r *run, mode string) {
	callee, caller := r.far(), r.near()
	began, interrupted, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	callee.register(r.uri("wait"), nil, func(i *invocation) {
		close(began)
		select {
		case <-i.interrupted:
			close(interrupted)
			i.fail("wamp.error.canceled", list{"as asked"}, nil)
		case <-ended:
			i.answer(list{"late"}, nil)
		}
	})
	c := caller.begin(r.uri("wait"), nil, nil, nil)
	happens(r, "the invocation", began)
	c.cancel(mode)
	end := c.end()
	same(r.T, "the answer", end.URI, "wamp.error.canceled")
	if mode == "skip" {
		select {
		case <-interrupted:
			r.Error("the callee was interrupted")
		default:
		}
		close(ended)
	} else {
		happens(r, "INTERRUPT", interrupted)
	}
	callee.register(r.uri("after"), nil, echoes)
	same(r.T, "the session goes on", caller.ask(r.uri("after"), "still here"), "still here")
}
