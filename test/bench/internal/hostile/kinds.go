package hostile

import (
	"net"
	"strings"
	"time"
)

// kind is one way to misbehave.
type kind struct {
	name  string
	quick bool // it comes again soon
	do    func(v *visitor) error
}

const (
	busyTopic = "com.example.hostile.busy"
	subTopic  = "com.example.hostile.subscribed"
	nobody    = "com.example.hostile.nobody"

	batch    = 64 << 10              // bytes of one write of a flood
	pulse    = time.Second           // between what comes slowly
	eventGap = 10 * time.Millisecond // between the events of one publisher
)

// kinds take turns: of 200 connections each has 14 or so.
var kinds = []kind{
	{name: "garbage", do: garbage},
	{name: "half messages", do: halfMessages},
	{name: "a byte a second", do: slowBytes},
	{name: "huge lengths", do: hugeLengths},
	{name: "deep nesting", do: deepNesting},
	{name: "invalid UTF-8", do: invalidText},
	{name: "calls to nobody", do: callFlood},
	{name: "pings", do: pingFlood},
	{name: "subscribe, unsubscribe", do: subscribeFlood},
	{name: "stops reading", do: stopsReading},
	{name: "busy publisher", do: publishes},
	{name: "opens and closes", quick: true, do: opensAndCloses},
	{name: "HTTP rubbish", do: rubbishRequests},
	{name: "half TLS", do: halfTLS},
}

func garbage(v *visitor) error {
	opening := []string{"", "\x7f\xf2\x00\x00", "\x7f\xf1\x00\x00", upgrade}[v.random.IntN(4)]
	return v.say(opening, v.noise(4<<10))
}

// halfMessages joins, begins a message and says no more.
func halfMessages(v *visitor) error {
	switch v.random.IntN(3) {
	case 0:
		return v.say("\x7f\xf2\x00\x00\x00\x00\x10\x00\x93\x01")
	case 1:
		return v.say(upgrade, masked(0x81, `[1,"realm1",{"roles":{}}]`)[:12])
	}
	if err := v.join(); err != nil {
		return err
	}
	return v.say("\x00\x00\xff\xff\x94\x30\x01", strings.Repeat("x", 1000))
}

func slowBytes(v *visitor) error {
	ended := make(chan error, 1)
	go func() { ended <- v.hear() }()
	for _, b := range []byte("\x7f\xf2\x00\x00" + v.hello()) {
		if v.send(string([]byte{b})) != nil {
			break
		}
		v.crowd.sleep(pulse)
	}
	_ = v.Close()
	return <-ended
}

// hugeLengths promises far more than ever comes, in each place where a length can stand.
func hugeLengths(v *visitor) error {
	call := "\x95\x30\x01\x80" + text(nobody) + "\x91"
	switch v.random.IntN(6) {
	case 0:
		return v.say("\x7f\xf2\x00\x00\x00\xff\xff\xff", v.noise(8<<10))
	case 1:
		return v.say(upgrade, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", v.noise(8<<10))
	case 2:
		return v.say("\x7f\xf2\x00\x00", v.hello(), frame(call, "\xdb\xff\xff\xff\xff"))
	case 3:
		return v.say("\x7f\xf2\x00\x00", v.hello(), frame(call, "\xdd\xff\xff\xff\xff"))
	case 4:
		return v.say("\x7f\xf3\x00\x00", frame("\x83\x01\x7b\xff\xff\xff\xff\xff\xff\xff\xff"))
	}
	return v.say("\x7f\xf3\x00\x00", frame("\x83\x01\x66realm1\xbb\x7f\xff\xff\xff\xff\xff\xff\xff"))
}

func deepNesting(v *visitor) error {
	const depth = 60_000
	switch v.random.IntN(3) {
	case 0:
		return v.say(upgrade, masked(0x81, `[1,"realm1",`+strings.Repeat("[", depth)))
	case 1:
		return v.say("\x7f\xf2\x00\x00", v.hello(), frame("\x95\x30\x01\x80"+text(nobody), strings.Repeat("\x91", depth), "\x01"))
	}
	return v.say("\x7f\xf3\x00\x00", frame("\x83\x01\x66realm1", strings.Repeat("\x81", depth), "\x01"))
}

func invalidText(v *visitor) error {
	switch v.random.IntN(3) {
	case 0:
		return v.say(upgrade, masked(0x81, "[1,\"\xff\xfe\",{}]"))
	case 1:
		return v.say("\x7f\xf2\x00\x00", v.hello(), frame("\x94\x30\x01\x80", text("com.\xff.example")))
	}
	return v.say("\x7f\xf2\x00\x00", v.hello(), frame("\x95\x30\x01\x80", text(nobody), "\x91", text("\xc3\x28\xed\xa0\x80")))
}

// callFlood sends valid calls as fast as they are taken, and reads the errors.
func callFlood(v *visitor) error {
	if err := v.join(); err != nil {
		return err
	}
	id := uint64(0)
	return v.flood(batchOf(func() string {
		id++
		return frame("\x94\x30", number(id), "\x80", text(nobody))
	}))
}

func pingFlood(v *visitor) error {
	if v.random.IntN(2) == 0 {
		if err := v.join(); err != nil {
			return err
		}
		many := strings.Repeat("\x01\x00\x00\x04ping", batch/8)
		return v.flood(func() string { return many })
	}
	if err := v.send(upgrade, masked(0x81, `[1,"`+v.crowd.spec.Realm+`",{"roles":{"caller":{}}}]`)); err != nil {
		return err
	}
	many := strings.Repeat(masked(0x89, "ping"), batch/10)
	return v.flood(func() string { return many })
}

// subscribeFlood subscribes and unsubscribes; its first subscription stays, so that all have its id.
func subscribeFlood(v *visitor) error {
	if err := v.join(); err != nil {
		return err
	}
	if err := v.send(frame("\x94\x20\x01\x80", text(subTopic))); err != nil {
		return err
	}
	answer, err := v.message()
	if err != nil || len(answer) < 4 {
		return err
	}
	subscription := string(answer[3:]) // SUBSCRIBED, 1, id
	request := uint64(1)
	return v.flood(batchOf(func() string {
		request++
		if request%2 == 0 {
			return frame("\x93\x22", number(request), subscription)
		}
		return frame("\x94\x20", number(request), "\x80", text(subTopic))
	}))
}

// stopsReading wants the events of a busy topic, and reads none.
func stopsReading(v *visitor) error {
	if nc, ok := v.Conn.(*net.TCPConn); ok { // or the system would take much for it
		_ = nc.SetReadBuffer(4 << 10)
	}
	if err := v.join(); err != nil {
		return err
	}
	if err := v.send(frame("\x94\x20\x01\x80", text(busyTopic))); err != nil {
		return err
	}
	for { // only writing tells that the connection is gone: an unasked-for pong
		v.crowd.sleep(pulse)
		if v.crowd.isOver() {
			return errLeft
		}
		if err := v.send("\x02\x00\x00\x00"); err != nil {
			return err
		}
	}
}

// publishes keeps the topic busy, with 100 KiB a second from each.
func publishes(v *visitor) error {
	if err := v.join(); err != nil {
		return err
	}
	payload := "\x91\xda\x04\x00" + strings.Repeat("x", 1<<10)
	for id := uint64(1); ; id++ {
		if err := v.send(frame("\x95\x10", number(id), "\x80", text(busyTopic), payload)); err != nil {
			return err
		}
		v.crowd.sleep(eventGap)
	}
}

func opensAndCloses(v *visitor) error {
	switch v.random.IntN(4) {
	case 0:
	case 1:
		_ = v.send("\x7f\xf2\x00\x00")
	case 2:
		_ = v.send("\x7f\xf2\x00\x00", v.hello())
	case 3:
		if err := v.join(); err != nil {
			return err
		}
	}
	return errLeft
}

func rubbishRequests(v *visitor) error {
	switch v.random.IntN(5) {
	case 0:
		return v.say("GET /ws HTTP/1.1\r\nHost: ", strings.Repeat("x", 200_000))
	case 1:
		return v.say("POST /longpoll/open HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n", v.noise(1000))
	case 2:
		return v.say("GET / HTTP/9.9\r\n\r\n")
	case 3:
		return v.say(strings.Repeat("GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 100))
	}
	return v.say(strings.Replace(upgrade, "wamp.2.json", "soap, wamp.3.xml", 1))
}

// halfTLS begins what a port in the clear does not speak.
func halfTLS(v *visitor) error {
	return v.say("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", v.noise(100))
}

// batchOf joins messages to writes.
func batchOf(next func() string) func() string {
	return func() string {
		var b strings.Builder
		for b.Grow(batch); b.Len() < batch; {
			b.WriteString(next())
		}
		return b.String()
	}
}
