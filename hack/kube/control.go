package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// cluster is what the supervisor is told, and what later commands need to know of it.
type cluster struct {
	Bin   string // directory of the programs
	Nodes int
	// IPv6 comes first.
	IPv6 bool
}

var errNoCluster = errors.New("no cluster is running: start one with `make kube-up`")

func (l layout) clusterFile() string { return l.path("cluster.json") }

func readCluster(l layout) (cluster, error) {
	var c cluster
	data, err := os.ReadFile(l.clusterFile())
	if errors.Is(err, os.ErrNotExist) {
		return c, errNoCluster
	}
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(data, &c)
}

func writeCluster(l layout, c cluster) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(l.clusterFile(), data, 0o644)
}

// control sends one request to the supervisor.
func control(l layout, method, path string, into any) error {
	client := &http.Client{
		Timeout: 2 * stopGrace,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", l.Control())
			},
		},
	}
	req, err := http.NewRequest(method, "http://supervisor"+path, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the cluster's supervisor does not answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(string(body))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

func status(l layout) ([]componentStatus, error) {
	var list []componentStatus
	return list, control(l, http.MethodGet, "/status", &list)
}

// startComponent starts a component and waits until it answers.
func startComponent(l layout, name string, timeout time.Duration) error {
	if err := control(l, http.MethodPost, "/start?name="+url.QueryEscape(name), nil); err != nil {
		return err
	}
	for end := time.Now().Add(timeout); ; time.Sleep(100 * time.Millisecond) {
		list, err := status(l)
		if err != nil {
			return err
		}
		for _, c := range list {
			if c.Name == name && c.State == stateReady {
				return nil
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s does not answer after %v; see %s", name, timeout, l.Log(name))
		}
	}
}

// stopComponent ends a component, without grace if kill is set, and keeps it down.
func stopComponent(l layout, name string, kill bool) error {
	path := "/stop?name=" + url.QueryEscape(name)
	if kill {
		path += "&kill=1"
	}
	return control(l, http.MethodPost, path, nil)
}
