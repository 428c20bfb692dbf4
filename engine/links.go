package engine

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"ceiling/engine/internal/link"
)

// RPCConnection is what has gone between this process and an RPC server over the
// connections that are open, since they were opened.
type RPCConnection struct {
	Server    string        // host:port, as in [LibraryOptions.RPC]
	RoundTrip time.Duration // as TCP smooths it
	Sent      int64         // bytes, each once
	Received  int64         // bytes
	Resent    int64         // segments
}

// Links are those to the servers in use, by name. The kernel counts them, so
// looking costs the engine nothing.
func Links() []RPCConnection {
	rpcKnown.Lock()
	defer rpcKnown.Unlock()
	var peers []netip.AddrPort
	for _, at := range rpcKnown.servers {
		peers = append(peers, at)
	}
	counts := link.Counts(peers)
	var links []RPCConnection
	for server, at := range rpcKnown.servers {
		if c, ok := counts[at]; ok {
			links = append(links, RPCConnection{server, c.RoundTrip, c.Sent, c.Received, c.Resent})
		}
	}
	slices.SortFunc(links, func(a, b RPCConnection) int { return strings.Compare(a.Server, b.Server) })
	return links
}
