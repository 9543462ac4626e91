package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// renderTwoNodes renders a cluster of two nodes into a temporary run directory.
func renderTwoNodes(t *testing.T) (layout, []node) {
	t.Helper()
	l := layout{Cache: t.TempDir()}
	list := nodes(l, 2)
	if err := writePKI(l, list); err != nil {
		t.Fatal(err)
	}
	if err := writeConfig(l, "/programs", "/usr/sbin/runc", list); err != nil {
		t.Fatal(err)
	}
	return l, list
}

// A second node that shares a socket, a directory or an address with the first would disturb it
// in ways that are hard to trace back.
func TestNodesShareNothing(t *testing.T) {
	l, list := renderTwoNodes(t)
	for _, file := range []string{"kubelet%s.yaml", "kube-proxy%s.yaml", "containerd%s.toml"} {
		one := strings.ReplaceAll(file, "%s", "")
		two := strings.ReplaceAll(file, "%s", "@"+list[1].Name())
		text, err := os.ReadFile(l.Conf(two))
		if err != nil {
			t.Fatal(err)
		}
		for _, foreign := range []string{list[0].Dir() + "/", list[0].Addr() + "\n", list[0].Cgroup() + "\n"} {
			if strings.Contains(string(text), foreign) {
				t.Errorf("%s names %q, which belongs to %s", two, foreign, one)
			}
		}
		if strings.Contains(string(text), "%!") {
			t.Errorf("%s has a formatting fault:\n%s", two, text)
		}
	}
	names := map[string]bool{}
	for _, c := range components(l, "/programs", list) {
		if names[c.Name] {
			t.Errorf("two components are called %s", c.Name)
		}
		names[c.Name] = true
	}
	for _, c := range components(l, "/programs", list) {
		for _, dependency := range c.After {
			if !names[dependency] {
				t.Errorf("%s waits for %s, which does not exist", c.Name, dependency)
			}
		}
	}
}

// Kubelet and CNI plugins read these as JSON or fail much later, in a pod's events.
func TestPodNetworkIsJSON(t *testing.T) {
	_, list := renderTwoNodes(t)
	for _, n := range list {
		var conf struct {
			Plugins []struct {
				IPAM struct {
					Ranges [][]struct{ Subnet string }
				}
			}
		}
		if err := json.Unmarshal([]byte(cniConfig(n)), &conf); err != nil {
			t.Fatalf("%s: %v", n.Name(), err)
		}
		if got := conf.Plugins[0].IPAM.Ranges[0][0].Subnet; got != n.PodSubnet() {
			t.Errorf("%s: pods get addresses of %s, want %s", n.Name(), got, n.PodSubnet())
		}
	}
}

// kubectl on this machine, pods and components reach the API server under different names; the
// one certificate must be good for all of them, and the kubelets' for their nodes.
func TestCertificatesCoverEveryName(t *testing.T) {
	l, list := renderTwoNodes(t)
	pem, err := os.ReadFile(l.Pki("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	names := map[string][]string{
		"apiserver":                        {uplinkAddr, list[0].Addr(), kubernetes, "kubernetes.default.svc"},
		"kubelet-server":                   {list[0].Addr()},
		"kubelet-server@" + list[1].Name(): {list[1].Addr()},
	}
	for server, hosts := range names {
		pair, err := tls.LoadX509KeyPair(l.Pki(server+".crt"), l.Pki(server+".key"))
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range hosts {
			if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
				t.Errorf("%s for %s: %v", server, host, err)
			}
		}
	}
}
