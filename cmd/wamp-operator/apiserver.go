package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// apiServerRetry is how often an API server is asked that does not answer.
const apiServerRetry = time.Second

// waitForAPIServer returns when the API server answers, or ctx ends. An operator that cannot renew its
// lease ends and is started anew; while the API server is away it would end at each start, and the kubelet would
// let it wait ever longer, up to five minutes. Meanwhile the liveness probe is answered, and the
// readiness probe says what is waited for.
func waitForAPIServer(ctx context.Context, log logr.Logger, config *rest.Config, probes string) error {
	asking := rest.CopyConfig(config)
	asking.Timeout = 5 * time.Second
	client, err := discovery.NewDiscoveryClientForConfig(asking)
	if err != nil {
		return err
	}
	if _, err = client.ServerVersion(); err == nil {
		return nil
	}
	stop := answerProbes(log, probes)
	defer stop()
	var said time.Time
	for {
		if time.Since(said) > time.Minute {
			log.Info("waiting for the API server", "reason", err.Error())
			said = time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(apiServerRetry):
		}
		if _, err = client.ServerVersion(); err == nil {
			return nil
		}
	}
}

// answerProbes answers the probes until stop is called: alive, and not ready.
func answerProbes(log logr.Logger, address string) (stop func()) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Info("nobody answers the probes until the API server does", "reason", err.Error())
		return func() {}
	}
	probes := http.NewServeMux()
	probes.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	probes.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "waiting for the API server", http.StatusServiceUnavailable)
	})
	server := &http.Server{Handler: probes, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error(err, "answering probes")
		}
	}()
	return func() {
		_ = server.Close()
		<-done
	}
}
