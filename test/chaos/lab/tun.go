package lab

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// tunName is the interface by which a replica reaches the others.
	tunName = "wamp0"
	// tunMTU lets TCP hand over much at once: each packet costs this process two system calls.
	tunMTU = 65000
	// tunQueue is how many packets wait for this process; more are lost, as on any network.
	tunQueue = 10000
)

// openTUN makes a TUN device in the namespace: reading gives a packet that was sent there, writing
// delivers one.
func (n *namespace) openTUN(address string) (*os.File, error) {
	var device *os.File
	err := n.do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		request, err := unix.NewIfreq(tunName)
		if err == nil {
			request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
		if err == nil {
			// Only now: the file asks the poller, and the device can be polled since it has a name.
			err = unix.SetNonblock(fd, true)
		}
		if err != nil {
			_ = unix.Close(fd)
			return err
		}
		device = os.NewFile(uintptr(fd), "/dev/net/tun")
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("making a TUN device (module tun): %w", err)
	}
	err = n.ip(
		fmt.Sprintf("link set %s mtu %d txqueuelen %d up", tunName, tunMTU, tunQueue),
		fmt.Sprintf("addr add %s dev %s", address, tunName),
	)
	if err != nil {
		_ = device.Close()
		return nil, err
	}
	return device, nil
}
