package link

import (
	"io"
	"net"
	"net/netip"
	"testing"
)

// TestCounts: the bytes of two connections to one peer are summed up, and a
// connection to another one is left out.
func TestCounts(t *testing.T) {
	server, other := echo(t), echo(t)
	for range 2 {
		talk(t, server, 1000)
	}
	talk(t, other, 70)
	got := Counts([]netip.AddrPort{server})
	c := got[server]
	if len(got) != 1 || c.Sent != 2000 || c.Received != 2000 || c.RoundTrip <= 0 {
		t.Errorf("%v; want 2000 bytes each way to %v alone", got, server)
	}
	if got := Counts([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}); len(got) != 0 {
		t.Errorf("%v of a peer without a connection", got)
	}
}

// echo is the address of a server that sends back what it gets.
func echo(t *testing.T) netip.AddrPort {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// talk sends bytes and waits for them to come back, which acknowledges them.
func talk(t *testing.T, server netip.AddrPort, bytes int) {
	conn, err := net.Dial("tcp4", server.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write(make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
}
