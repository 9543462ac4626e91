package tunnel

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// kubelet plays an API server that knows bare SPDY and not WebSockets, and the pod behind it: it answers
// requests of HTTP, or complains.
type kubelet struct {
	complaint string
	mu        sync.Mutex
	paths     []string
	port      string
}

func (k *kubelet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	k.paths = append(k.paths, r.Method+" "+r.URL.Path)
	k.mu.Unlock()
	if r.Header.Get("Upgrade") == "websocket" {
		http.Error(w, "no such upgrade", http.StatusBadRequest)
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{portforward.PortForwardProtocolV1Name}); err != nil {
		return
	}
	streams := make(chan httpstream.Stream, 2)
	connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		streams <- s
		return nil
	})
	if connection == nil {
		return
	}
	defer func() { _ = connection.Close() }()
	complaints, data := <-streams, <-streams
	if complaints.Headers().Get(corev1.StreamType) != corev1.StreamTypeError {
		complaints, data = data, complaints
	}
	k.mu.Lock()
	k.port = data.Headers().Get(corev1.PortHeader)
	k.mu.Unlock()
	if k.complaint != "" {
		_, _ = io.WriteString(complaints, k.complaint)
		_ = complaints.Close()
		_ = data.Close()
		<-connection.CloseChan()
		return
	}
	buffer := make([]byte, 4096)
	for {
		if _, err := data.Read(buffer); err != nil {
			return
		}
		_, _ = io.WriteString(data, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	}
}

func dialer(t *testing.T, handler http.Handler) Dialer {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return Dialer{Config: &rest.Config{Host: server.URL}}
}

func get(t *testing.T, d Dialer) (string, error) {
	t.Helper()
	c, err := d.Dial(t.Context(), "shop", "demo-0", 9090)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: demo-0\r\n\r\n"); err != nil {
		return "", err
	}
	buffer := make([]byte, 4096)
	n, err := c.Read(buffer)
	return string(buffer[:n]), err
}

// A connection carries what both sides say, over bare SPDY where WebSockets are not known.
func TestConnectionToAPod(t *testing.T) {
	k := &kubelet{}
	answer, err := get(t, dialer(t, k))
	if err != nil || !strings.HasSuffix(answer, "hello") {
		t.Errorf("%q, %v", answer, err)
	}
	if want := "POST /api/v1/namespaces/shop/pods/demo-0/portforward"; k.paths[len(k.paths)-1] != want || k.port != "9090" {
		t.Errorf("%v to port %s, want %s to 9090", k.paths, k.port, want)
	}
}

// What the kubelet says is what the user reads, and not that the stream ended.
func TestKubeletComplains(t *testing.T) {
	_, err := get(t, dialer(t, &kubelet{complaint: "dial tcp4 127.0.0.1:9090: connect: connection refused"}))
	if err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v", err)
	}
}

// Whoever may not forward ports reads that the API server forbids it.
func TestForwardingIsForbidden(t *testing.T) {
	_, err := get(t, dialer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"you may not create pods/portforward"}`)
	})))
	if err == nil || !strings.Contains(err.Error(), "you may not create pods/portforward") {
		t.Errorf("%v", err)
	}
}

// An API server that does not answer is not waited for beyond the context.
func TestNobodyAnswers(t *testing.T) {
	release := make(chan struct{})
	d := dialer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer close(release)
	late := errors.New("too late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, late)
	defer cancel()
	if _, err := d.Dial(ctx, "shop", "demo-0", 9090); !errors.Is(err, late) {
		t.Errorf("%v", err)
	}
}
