// Package contest starts what is compared, has the same work done by each in turn, and makes the
// table.
package contest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/wamp-operator/wamp-operator/test/bench/internal/process"
	"github.com/wamp-operator/wamp-operator/test/bench/internal/wire"
)

// The names of what is compared, as the table has them.
const (
	Ours  = "wamp-router"
	Nexus = "nexus"
	NATS  = "nats-server"
	Relay = "bare relay"
)

// set is one or two processes that serve as one.
type set struct {
	servers []*process.Server
	pids    []int
	// address of each replica, by protocol
	address map[wire.Protocol][]string
	admin   []string // of wamp-router
}

func (s *set) add(p *process.Server, err error) error {
	if err == nil {
		s.servers, s.pids = append(s.servers, p), append(s.pids, p.PID)
	}
	return err
}

func (s *set) stop() {
	for _, server := range s.servers {
		server.Stop()
	}
}

// starter starts replicas of one kind of server. dir is for files, bin has the programs.
type starter func(ctx context.Context, bin, dir string, replicas int, s *set) error

var starters = map[string]starter{Ours: startOurs, Nexus: startNexus, NATS: startNATS, Relay: startRelay}

func start(ctx context.Context, name, bin, dir string, replicas int) (*set, error) {
	s := &set{address: map[wire.Protocol][]string{}}
	if err := starters[name](ctx, bin, dir, replicas, s); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

const realmDocument = `apiVersion: wamp-operator.io/v1alpha1
kind: WampRealm
metadata: {name: bench}
spec:
  clusterRef: {name: bench}
  realm: ` + wire.Realm + `
  anonymous: {role: all}
  roles:
    - name: all
      permissions: [{uri: "", match: prefix, allow: [call, register, publish, subscribe]}]
`

// startOurs starts wamp-router as a pod runs it.
func startOurs(ctx context.Context, bin, dir string, replicas int, s *set) error {
	return startRouters(ctx, bin, dir, replicas, "", s)
}

// startRouters is startOurs with more in the configuration.
func startRouters(ctx context.Context, bin, dir string, replicas int, more string, s *set) error {
	ports, err := process.FreePorts(4 * replicas)
	if err != nil {
		return err
	}
	realm := filepath.Join(dir, "realm.yaml")
	if err := os.WriteFile(realm, []byte(realmDocument), 0o600); err != nil {
		return err
	}
	for i := range replicas {
		name := fmt.Sprintf("wamp-router-%d-of-%d", i, replicas)
		port := ports[4*i:]
		client, admin := loopback(port[0]), loopback(port[1])
		file := filepath.Join(dir, name+".yaml")
		err := os.WriteFile(file, fmt.Appendf(nil, `apiVersion: wamp-operator.io/v1alpha1
kind: RouterConfiguration
listen: %s
admin: {listen: %q}
cluster: {name: bench, replica: %s, gossip: %q, links: %q, advertise: 127.0.0.1, join: [%q]}
documents: [realm.yaml]
drainTimeout: 1s
%s`, client, admin, name, loopback(port[2]), loopback(port[3]), loopback(ports[2]), more), 0o600)
		if err != nil {
			return err
		}
		if err := s.add(process.Start(ctx, dir, name, []string{client, admin}, filepath.Join(bin, "wamp-router"),
			"serve", "--config", file, "--log-level", "warn", "--pprof")); err != nil {
			return err
		}
		s.admin = append(s.admin, admin)
		for _, p := range []wire.Protocol{wire.Raw, wire.Web} {
			s.address[p] = append(s.address[p], client)
		}
	}
	for i, server := range s.servers {
		if err := server.Await(ctx, "become ready", func() bool { return get("http://"+s.admin[i]+"/readyz", nil) == nil }); err != nil {
			return err
		}
	}
	return nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// get fetches what is at the URL.
func get(url string, to io.Writer) (err error) {
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	if to != nil {
		_, err = io.Copy(to, answer.Body)
	}
	return err
}

func startNexus(ctx context.Context, bin, dir string, _ int, s *set) error {
	ports, err := process.FreePorts(2)
	if err != nil {
		return err
	}
	raw, web := loopback(ports[0]), loopback(ports[1])
	s.address[wire.Raw], s.address[wire.Web] = []string{raw}, []string{web}
	return s.add(process.Start(ctx, dir, "nexus", []string{raw, web}, filepath.Join(bin, "nexus-router"),
		"-realm", wire.Realm, "-rawsocket", raw, "-websocket", web))
}

func startNATS(ctx context.Context, bin, dir string, replicas int, s *set) error {
	ports, err := process.FreePorts(2 * replicas)
	if err != nil {
		return err
	}
	for i := range replicas {
		address := loopback(ports[2*i])
		args := []string{"-a", "127.0.0.1", "-p", fmt.Sprint(ports[2*i])}
		if replicas > 1 {
			args = append(args, "--cluster_name", "bench", "--cluster", "nats://"+loopback(ports[2*i+1]), "--routes", "nats://"+loopback(ports[1]))
		}
		s.address[wire.NATS] = append(s.address[wire.NATS], address)
		if err := s.add(process.Start(ctx, dir, fmt.Sprintf("nats-%d-of-%d", i, replicas), []string{address}, filepath.Join(bin, "nats-server"), args...)); err != nil {
			return err
		}
	}
	return nil
}

func startRelay(ctx context.Context, _, dir string, _ int, s *set) error {
	ports, err := process.FreePorts(1)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	address := loopback(ports[0])
	s.address[wire.Raw] = []string{address}
	return s.add(process.Start(ctx, dir, "relay", []string{address}, self, "relay", address))
}
