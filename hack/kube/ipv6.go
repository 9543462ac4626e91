package main

import (
	"os"
	"slices"
	"strings"
)

// The cluster has both families of addresses where the kernel has IPv6. IPv4 comes first, and pods and
// Services that ask for no family have that one, unless kube-up is told otherwise.

// kernelHasIPv6 tells whether there is IPv6 in the network namespaces that the cluster makes.
func kernelHasIPv6() bool {
	_, err := os.Stat("/proc/net/if_inet6")
	return err == nil
}

// hostHasIPv6 tells whether this machine lets its own interfaces have such addresses; many containers do
// not, and pods are then reached by IPv4 only.
func hostHasIPv6() bool {
	disabled, err := os.ReadFile("/proc/sys/net/ipv6/conf/default/disable_ipv6")
	return err == nil && strings.TrimSpace(string(disabled)) == "0"
}

// families joins what a program is told of each family.
func (l layout) families(ipv4, ipv6 string) string {
	switch {
	case l.IPv6First:
		return ipv6 + "," + ipv4
	case kernelHasIPv6():
		return ipv4 + "," + ipv6
	}
	return ipv4
}

// preferred is what a program is told that takes one family.
func (l layout) preferred(ipv4, ipv6 string) string {
	if l.IPv6First {
		return ipv6
	}
	return ipv4
}

func family(cidr string) string {
	if strings.Contains(cidr, ":") {
		return "inet6"
	}
	return "inet"
}

// usesIPv6 tells whether a command names such an address.
func usesIPv6(argv []string) bool {
	return slices.ContainsFunc(argv, func(word string) bool { return strings.Contains(word, "::") })
}
