package main

import (
	"encoding/json"
	"fmt"
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
		{"ip", "addr", "add", first.Addr6() + "/64", "dev", "nodes", "nodad"},
		{"ip", "link", "set", "nodes", "up"},
		// The first node reaches Services like any pod does: the packets need some route before
		// kube-proxy's rules send them elsewhere.
		{"ip", "route", "add", serviceCIDR, "dev", "nodes"},
		{"ip", "route", "add", serviceCIDR6, "dev", "nodes"},
	}
	for _, n := range list[1:] {
		steps = append(steps,
			[]string{"ip", "netns", "add", n.Name()},
			[]string{"ip", "link", "add", n.Name(), "type", "veth", "peer", "name", "eth0", "netns", n.Name()},
			[]string{"ip", "link", "set", n.Name(), "master", "nodes", "up"},
			[]string{"ip", "-n", n.Name(), "link", "set", "lo", "up"},
			[]string{"ip", "-n", n.Name(), "addr", "add", n.Addr() + "/24", "dev", "eth0"},
			[]string{"ip", "-n", n.Name(), "addr", "add", n.Addr6() + "/64", "dev", "eth0", "nodad"},
			[]string{"ip", "-n", n.Name(), "link", "set", "eth0", "up"},
			[]string{"ip", "-n", n.Name(), "route", "add", "default", "via", first.Addr()},
			[]string{"ip", "-n", n.Name(), "route", "add", "default", "via", first.Addr6()},
			[]string{"ip", "route", "add", n.PodSubnet(), "via", n.Addr()},
			[]string{"ip", "route", "add", n.PodSubnet6(), "via", n.Addr6()},
			[]string{"nsenter", "--net=" + n.NetNS(), "--", "sh", "-c", forward})
	}
	steps = append(steps, []string{"sh", "-c", forward})
	for _, step := range steps {
		if usesIPv6(step) && !kernelHasIPv6() {
			continue
		}
		if err := run(step...); err != nil {
			return err
		}
	}
	return nil
}

// forward makes a node pass on what comes from and goes to pods.
const forward = "echo 1 >/proc/sys/net/ipv4/ip_forward; f=/proc/sys/net/ipv6/conf/all/forwarding; [ ! -e $f ] || echo 1 >$f"

// connectHost joins this machine with the sandbox by a veth pair and routes pods and Services
// through it. The pair ends with either namespace, and the routes with the pair. Its alias tells whose
// it is.
func connectHost(l layout, pid int) error {
	if _, there := linkOwner(); there {
		return nil
	}
	for _, cidr := range []string{"198.18.0.0/15", podCIDR, serviceCIDR, "fd12:7761:6d70::/48"} {
		out, err := exec.Command("ip", "-family", family(cidr), "route", "show", "root", cidr).Output()
		if err == nil && len(strings.TrimSpace(string(out))) > 0 {
			return fmt.Errorf("this machine already has a route into %s, which the cluster needs:\n%sremove it, or use the cluster that it belongs to", cidr, out)
		}
	}
	in := fmt.Sprint("/proc/", pid, "/ns/net")
	for _, step := range [][]string{
		{"ip", "link", "add", hostLink, "type", "veth", "peer", "name", "uplink", "netns", fmt.Sprint(pid)},
		{"nsenter", "--net=" + in, "--", "ip", "addr", "add", uplinkAddr + "/30", "dev", "uplink"},
		{"nsenter", "--net=" + in, "--", "ip", "addr", "add", uplinkAddr6 + "/126", "dev", "uplink", "nodad"},
		{"nsenter", "--net=" + in, "--", "ip", "link", "set", "uplink", "up"},
		{"ip", "link", "set", hostLink, "alias", l.Run()},
		{"ip", "addr", "add", hostAddr, "dev", hostLink},
		{"ip", "addr", "add", hostAddr6, "dev", hostLink, "nodad"},
		{"ip", "link", "set", hostLink, "up"},
		{"ip", "route", "add", nodeNet, "via", uplinkAddr, "dev", hostLink},
		{"ip", "route", "add", podCIDR, "via", uplinkAddr, "dev", hostLink},
		{"ip", "route", "add", serviceCIDR, "via", uplinkAddr, "dev", hostLink},
		{"ip", "route", "add", nodeNet6, "via", uplinkAddr6, "dev", hostLink},
		{"ip", "route", "add", podCIDR6, "via", uplinkAddr6, "dev", hostLink},
		{"ip", "route", "add", serviceCIDR6, "via", uplinkAddr6, "dev", hostLink},
	} {
		if usesIPv6(step) && !hostHasIPv6() {
			continue
		}
		if err := run(step...); err != nil {
			return err
		}
	}
	return nil
}

// linkOwner is the run directory of the cluster that the veth pair belongs to, if there is one.
func linkOwner() (run string, there bool) {
	out, err := exec.Command("ip", "-json", "link", "show", hostLink).Output()
	var links []struct {
		Alias string `json:"ifalias"`
	}
	if err != nil || json.Unmarshal(out, &links) != nil || len(links) == 0 {
		return "", false
	}
	return links[0].Alias, true
}

func run(argv ...string) error {
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
