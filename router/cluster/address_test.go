package cluster

import (
	"errors"
	"net"
	"slices"
	"testing"
)

// A replica that listens on every address is reached by one that others can reach, also where there is no
// IPv4.
func TestOwnAddress(t *testing.T) {
	for _, c := range []struct {
		of   []string
		want string
	}{
		{[]string{"127.0.0.1/8", "::1/128", "10.1.2.3/24", "fd00::3/64"}, ""},
		{[]string{"127.0.0.1/8", "::1/128", "fe80::1/64", "2001:db8::3/64", "fd00::3/64", "fd00::4/64"}, "fd00::3"},
		{[]string{"::1/128", "fe80::1/64", "2001:db8::3/64"}, "2001:db8::3"},
		{[]string{"127.0.0.1/8", "::1/128"}, ""},
	} {
		var of []net.Addr
		for _, text := range c.of {
			ip, network, err := net.ParseCIDR(text)
			if err != nil {
				t.Fatal(err)
			}
			of = append(of, &net.IPNet{IP: ip, Mask: network.Mask})
		}
		if got := ownAddress(of, nil); got != c.want {
			t.Errorf("of %v: %q, want %q", c.of, got, c.want)
		}
	}
	if got := ownAddress(nil, errors.New("no")); got != "" {
		t.Errorf("without a list: %q", got)
	}
}

// Pods of two families have two addresses, and are not looked for at both; one family alone is taken as it
// is, in the spelling that members use.
func TestAddressesOfOneFamily(t *testing.T) {
	both := []string{"10.0.0.1", "fd00:0:0::1", "10.0.0.2", "fd00::2"}
	for _, c := range []struct {
		own   string
		hosts []string
		want  []string
	}{
		{"10.0.0.9", both, []string{"10.0.0.1", "10.0.0.2"}},
		{"fd00::9", both, []string{"fd00::1", "fd00::2"}},
		{"10.0.0.9", []string{"fd00::1"}, []string{"fd00::1"}},
		{"fd00::9", []string{"10.0.0.1"}, []string{"10.0.0.1"}},
		{"fd00::9", nil, nil},
	} {
		if got := sameFamily(net.ParseIP(c.own), c.hosts); !slices.Equal(got, c.want) {
			t.Errorf("%s of %v: %v, want %v", c.own, c.hosts, got, c.want)
		}
	}
}
