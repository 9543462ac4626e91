package main

import (
	"os"
	"slices"
	"strings"
)

// The cluster has both families of addresses, IPv4 first, where the kernel has IPv6.

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
func families(ipv4, ipv6 string) string {
	if !kernelHasIPv6() {
		return ipv4
	}
	return ipv4 + "," + ipv6
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
