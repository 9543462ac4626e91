package interop

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var javaScript = regexp.MustCompile("(?s)```js\n(.*?)```")

// What docs/getting-started.md shows works as it stands: two callees, a caller, and the second callee
// takes over when the first one is gone.
func TestGettingStarted(t *testing.T) {
	page, err := os.ReadFile("../../docs/getting-started.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := javaScript.FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 2 {
		t.Fatalf("the page shows %d programs, want a callee and a caller", len(blocks))
	}
	dir := t.TempDir()
	library, err := filepath.Abs("autobahn/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(library, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The page asks for Node.js 22, which has a WebSocket.
	write("websocket.js", "globalThis.WebSocket ??= require('ws').WebSocket")
	for i, name := range []string{"callee.js", "caller.js"} {
		shown := strings.ReplaceAll(blocks[i][1], "ws://127.0.0.1:8080/ws", webSocket(i))
		if shown == blocks[i][1] {
			t.Fatalf("%s connects to no router:\n%s", name, shown)
		}
		write(name, shown)
	}
	start := func(arguments ...string) (lines *bufio.Scanner, end func()) {
		t.Helper()
		command := exec.CommandContext(t.Context(), "node", append([]string{"-r", "./websocket.js"}, arguments...)...)
		command.Dir, command.Stderr, command.WaitDelay = dir, t.Output(), time.Second
		out, err := command.StdoutPipe()
		if err == nil {
			err = command.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		end = func() { _ = command.Process.Kill(); _ = command.Wait() }
		t.Cleanup(end)
		return bufio.NewScanner(out), end
	}
	until := func(lines *bufio.Scanner, want string) {
		t.Helper()
		for range 60 { // the caller says something twice a second
			if !lines.Scan() {
				t.Fatalf("ended before it said %q: %v", want, lines.Err())
			}
			if lines.Text() == want {
				return
			}
		}
		t.Fatalf("did not say %q", want)
	}
	one, endOne := start("callee.js", "one")
	until(one, "registered")
	two, _ := start("callee.js", "two")
	until(two, "registered")
	caller, _ := start("caller.js")
	until(caller, "hello from one")
	endOne()
	until(caller, "hello from two")
}
