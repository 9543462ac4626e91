package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// Addresses. The veth pair and the nodes are in the range kept for benchmarks (RFC 2544), which
// no real network uses; pods and Services have the ranges that most clusters have.
const (
	hostLink    = "wampkube0"     // the host's end of the veth pair
	hostAddr    = "198.18.0.1/30" // the host's address on it
	uplinkAddr  = "198.18.0.2"    // the cluster's address on it
	nodeNet     = "198.18.1.0/24"
	podCIDR     = "10.244.0.0/16"
	serviceCIDR = "10.96.0.0/16"
	kubernetes  = "10.96.0.1" // the API server as pods see it: first address of serviceCIDR
	dnsAddr     = "10.96.0.10"
	domain      = "cluster.local"
	apiPort     = "6443"

	// The same for IPv6, of unique local addresses (RFC 4193).
	hostAddr6    = "fd12:7761:6d70::1/126"
	uplinkAddr6  = "fd12:7761:6d70::2"
	nodeNet6     = "fd12:7761:6d70:1::/64"
	podCIDR6     = "fd12:7761:6d70:2::/64"
	serviceCIDR6 = "fd12:7761:6d70:3::/112"
	kubernetes6  = "fd12:7761:6d70:3::1"

	maxNodes = 9
)

// cgroupTop is the parent of all cgroups that the cluster makes, relative to each hierarchy's root.
const cgroupTop = "wamp-kube"

// pauseImage holds the namespaces of each pod; it is built from hack/images/pause.
const pauseImage = "ghcr.io/wamp-operator/pause:dev"

// layout says where everything is on disk.
type layout struct {
	Repo  string // the repository's root
	Cache string // binaries and the run directory

	IPv6First bool // the family that pods and Services have unless they ask for another
}

// findLayout looks for the repository upwards from the working directory, and for the cache in
// $WAMP_CACHE, else $XDG_CACHE_HOME/wamp-operator, else ~/.cache/wamp-operator.
func findLayout() (layout, error) {
	cache := os.Getenv("WAMP_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return layout{}, fmt.Errorf("no cache directory: set WAMP_CACHE: %w", err)
		}
		cache = filepath.Join(dir, "wamp-operator")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return layout{}, err
	}
	l := layout{Cache: cache}
	// Paths of unix sockets end at 107 bytes, and kubelet makes longer ones below its root.
	if n := len(l.Run()); n > 60 {
		return l, fmt.Errorf("run directory %s has %d characters; sockets below it need it to have at most 60: set WAMP_CACHE to a shorter directory", l.Run(), n)
	}
	dir, err := os.Getwd()
	if err != nil {
		return l, err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "hack/kube/build")); err == nil {
			l.Repo = dir
			return l, nil
		}
		if dir == "/" {
			return l, fmt.Errorf("run this inside the repository: no hack/kube/build in the working directory or above it")
		}
	}
}

// Run is everything that belongs to the running cluster; kube-down removes it.
func (l layout) Run() string { return filepath.Join(l.Cache, "run") }

func (l layout) path(elem ...string) string {
	return filepath.Join(append([]string{l.Run()}, elem...)...)
}

func (l layout) Kubeconfig() string      { return l.path("kubeconfig") }
func (l layout) Control() string         { return l.path("control.sock") }
func (l layout) Log(name string) string  { return l.path("logs", name+".log") }
func (l layout) Pki(name string) string  { return l.path("pki", name) }
func (l layout) Conf(name string) string { return l.path("conf", name) }

// node is one kubelet with its container runtime. The first one shares the cluster's network
// namespace with the control plane; each further one has a namespace of its own.
type node struct {
	Index int // from 1
	l     layout
}

func nodes(l layout, n int) []node {
	list := make([]node, n)
	for i := range list {
		list[i] = node{Index: i + 1, l: l}
	}
	return list
}

func (n node) Name() string       { return fmt.Sprintf("node%d", n.Index) }
func (n node) Addr() string       { return fmt.Sprintf("198.18.1.%d", n.Index) }
func (n node) PodSubnet() string  { return fmt.Sprintf("10.244.%d.0/24", n.Index) }
func (n node) Addr6() string      { return fmt.Sprintf("fd12:7761:6d70:1::%d", n.Index) }
func (n node) PodSubnet6() string { return fmt.Sprintf("fd12:7761:6d70:2:%d::/80", n.Index) }
func (n node) Dir() string        { return n.l.path(n.Name()) }
func (n node) Containerd() string { return filepath.Join(n.Dir(), "containerd.sock") }

// NetNS is the node's own network namespace, or "" for the first node. It is a path inside the
// cluster's mount namespace.
func (n node) NetNS() string {
	if n.Index == 1 {
		return ""
	}
	return "/run/netns/" + n.Name()
}

// Cgroup is the kubelet's cgroup root in cgroupfs form.
func (n node) Cgroup() string { return "/" + cgroupTop + "/" + n.Name() }

// component joins a program's name and its node: "kubelet@node2" on any but the first node, so
// that a cluster of one node has the plain names.
func (n node) component(program string) string {
	if n.Index == 1 {
		return program
	}
	return program + "@" + n.Name()
}
