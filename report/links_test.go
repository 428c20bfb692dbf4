package report

import (
	"testing"

	"ceiling/bench/result"
)

func TestLinksText(t *testing.T) {
	const mib = 1 << 20
	far := result.NetworkLink{Server: "far:1", RoundTripS: 0.01, SentBytes: 3 * mib, ReceivedBytes: mib}
	again := result.NetworkLink{Server: "far:1", RoundTripS: 0.02, SentBytes: mib, ResentSegments: 7}
	near := result.NetworkLink{Server: "near:1", RoundTripS: 0.0001, SentBytes: mib, ReceivedBytes: mib}
	for _, c := range []struct {
		details []result.Detail
		want    string
	}{
		{nil, ""},
		{[]result.Detail{{Steps: 5}}, ""},
		{[]result.Detail{{Links: []result.NetworkLink{near}}}, "near:1: round trip 0.10 ms, 1.0 MiB sent, 1.0 MiB received"},
		{[]result.Detail{{Steps: 1000, Links: []result.NetworkLink{far, near}}, {Steps: 24, Links: []result.NetworkLink{again}}, {Steps: 9}},
			"far:1: round trip 20.00 ms, 4.0 MiB sent, 1.0 MiB received in 1,024 steps (5.0 KiB each), 7 segments lost on the way and sent again; " +
				"near:1: round trip 0.10 ms, 1.0 MiB sent, 1.0 MiB received in 1,024 steps (2.0 KiB each)"},
	} {
		if got := linksText(&result.Run{Details: c.details}); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}
