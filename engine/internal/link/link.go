// Package link reads what the kernel counts of this process's own TCP
// connections.
package link

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Count is what has gone through connections since they were opened.
type Count struct {
	RoundTrip time.Duration // as TCP smooths it; the longest of several connections
	Sent      int64         // bytes, each once
	Received  int64         // bytes
	Resent    int64         // segments
}

// Counts sums up the open connections to each of the peers; one without a
// connection is left out.
func Counts(peers []netip.AddrPort) map[netip.AddrPort]Count {
	counts := map[netip.AddrPort]Count{}
	// Open descriptors may be closed while the folder is read: what can't be
	// asked is not one of ours.
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		to, ok := peer(fd)
		if !ok || !slices.Contains(peers, to) {
			continue
		}
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			continue
		}
		c := counts[to]
		c.RoundTrip = max(c.RoundTrip, time.Duration(info.Rtt)*time.Microsecond)
		c.Sent += int64(info.Bytes_sent - info.Bytes_retrans)
		c.Received += int64(info.Bytes_received)
		c.Resent += int64(info.Total_retrans)
		counts[to] = c
	}
	return counts
}

// peer is the address that a descriptor is connected to, if it is a socket of
// the IPv4 kind, the only one that llama.cpp's RPC client opens.
func peer(fd int) (netip.AddrPort, bool) {
	name, err := unix.Getpeername(fd)
	if err != nil {
		return netip.AddrPort{}, false
	}
	v4, ok := name.(*unix.SockaddrInet4)
	if !ok {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port)), true
}
