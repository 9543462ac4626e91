package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// setupInside configures the cluster's network namespaces, from inside the sandbox. There is no
// default route: nothing that the cluster sends can leave this machine.
func setupInside(list []node) error {
	first := list[0]
	steps := [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"ip", "link", "add", "nodes", "type", "bridge"},
		{"ip", "addr", "add", first.Addr() + "/24", "dev", "nodes"},
		{"ip", "link", "set", "nodes", "up"},
		// The first node reaches Services like any pod does: the packets need some route before
		// kube-proxy's rules send them elsewhere.
		{"ip", "route", "add", serviceCIDR, "dev", "nodes"},
	}
	for _, n := range list[1:] {
		steps = append(steps,
			[]string{"ip", "netns", "add", n.Name()},
			[]string{"ip", "link", "add", n.Name(), "type", "veth", "peer", "name", "eth0", "netns", n.Name()},
			[]string{"ip", "link", "set", n.Name(), "master", "nodes", "up"},
			[]string{"ip", "-n", n.Name(), "link", "set", "lo", "up"},
			[]string{"ip", "-n", n.Name(), "addr", "add", n.Addr() + "/24", "dev", "eth0"},
			[]string{"ip", "-n", n.Name(), "link", "set", "eth0", "up"},
			[]string{"ip", "-n", n.Name(), "route", "add", "default", "via", first.Addr()},
			[]string{"ip", "route", "add", n.PodSubnet(), "via", n.Addr()},
			[]string{"nsenter", "--net=" + n.NetNS(), "--", "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"})
	}
	for _, step := range steps {
		if err := run(step...); err != nil {
			return err
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// connectHost joins this machine with the sandbox by a veth pair and routes pods and Services
// through it. The pair ends with either namespace, and the routes with the pair.
func connectHost(pid int) error {
	if exec.Command("ip", "link", "show", hostLink).Run() == nil {
		return nil
	}
	for _, cidr := range []string{"198.18.0.0/15", podCIDR, serviceCIDR} {
		out, err := exec.Command("ip", "route", "show", "root", cidr).Output()
		if err == nil && len(strings.TrimSpace(string(out))) > 0 {
			return fmt.Errorf("this machine already has a route into %s, which the cluster needs:\n%sremove it, or use the cluster that it belongs to", cidr, out)
		}
	}
	in := fmt.Sprint("/proc/", pid, "/ns/net")
	for _, step := range [][]string{
		{"ip", "link", "add", hostLink, "type", "veth", "peer", "name", "uplink", "netns", fmt.Sprint(pid)},
		{"nsenter", "--net=" + in, "--", "ip", "addr", "add", uplinkAddr + "/30", "dev", "uplink"},
		{"nsenter", "--net=" + in, "--", "ip", "link", "set", "uplink", "up"},
		{"ip", "addr", "add", hostAddr, "dev", hostLink},
		{"ip", "link", "set", hostLink, "up"},
		{"ip", "route", "add", nodeNet, "via", uplinkAddr, "dev", hostLink},
		{"ip", "route", "add", podCIDR, "via", uplinkAddr, "dev", hostLink},
		{"ip", "route", "add", serviceCIDR, "via", uplinkAddr, "dev", hostLink},
	} {
		if err := run(step...); err != nil {
			return err
		}
	}
	return nil
}

func run(argv ...string) error {
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
