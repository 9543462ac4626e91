package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
)

// An operator that starts while the API server is away waits for it, alive and not ready, and
// leaves the port of the probes to the manager then.
func TestWaitForAPIServer(t *testing.T) {
	var there atomic.Bool
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !there.Load() {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"major":"1","minor":"36"}`)
	}))
	defer api.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	probes := free.Addr().String()
	_ = free.Close()

	waited := make(chan error, 1)
	go func() { waited <- waitForAPIServer(t.Context(), logr.Discard(), &rest.Config{Host: api.URL}, probes) }()
	get := func(path string) (status int, body string) {
		for range 100 {
			response, err := http.Get("http://" + probes + path)
			if err == nil {
				defer func() { _ = response.Body.Close() }()
				text, _ := io.ReadAll(response.Body)
				return response.StatusCode, string(text)
			}
			<-time.After(20 * time.Millisecond) // it does not listen yet
		}
		t.Fatalf("nobody answers %s", path)
		return 0, ""
	}
	if status, _ := get("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz is %d: the kubelet would end an operator that waits", status)
	}
	if status, body := get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "API server") {
		t.Errorf("/readyz is %d %q", status, body)
	}
	select {
	case err := <-waited:
		t.Fatalf("it waited for nothing: %v", err)
	default:
	}
	there.Store(true)
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	again, err := net.Listen("tcp", probes)
	if err != nil {
		t.Fatalf("the port of the probes is not free for the manager: %v", err)
	}
	_ = again.Close()
	if err := waitForAPIServer(t.Context(), logr.Discard(), &rest.Config{Host: api.URL}, "no address"); err != nil {
		t.Errorf("an API server that is there: %v", err)
	}
	there.Store(false)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := waitForAPIServer(over, logr.Discard(), &rest.Config{Host: api.URL}, probes); !errors.Is(err, context.Canceled) {
		t.Errorf("told to stop: %v", err)
	}
}
