package cluster

import (
	"net"
	"net/netip"
)

// everyAddress is to listen on every address, of IPv4 and of IPv6 as far as the machine has them.
const everyAddress = "0.0.0.0"

// ownAddress is by which of a machine's addresses a replica is reached that listens on all of them and
// is not told which: empty where there is a private one of IPv4, for memberlist finds it, else one of
// IPv6 that others can reach, private ones first.
func ownAddress(of []net.Addr, err error) (own string) {
	if err != nil {
		return ""
	}
	private := false
	for _, a := range of {
		network, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		switch ip := network.Addr().Unmap(); {
		case ip.Is4() && ip.IsPrivate():
			return ""
		case ip.Is6() && ip.IsGlobalUnicast() && (own == "" || ip.IsPrivate() && !private):
			own, private = ip.String(), ip.IsPrivate()
		}
	}
	return own
}

// sameFamily gives the addresses of a name as members write them. Where the name has both kinds, as that of
// a Service of two families has, those of the kind that this replica is reached by itself: the
// others are of the same replicas, which would be taken for ones that are missing.
func sameFamily(own net.IP, hosts []string) []string {
	is4 := own.To4() != nil
	var same, other []string
	for _, host := range hosts {
		ip, err := netip.ParseAddr(host)
		if err != nil {
			other = append(other, host)
			continue
		}
		ip = ip.Unmap()
		if ip.Is4() == is4 {
			same = append(same, ip.String())
		} else {
			other = append(other, ip.String())
		}
	}
	if len(same) > 0 {
		return same
	}
	return other
}
