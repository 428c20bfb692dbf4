package report

import (
	"fmt"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
)

// linksText says what the scenarios sent to each server of --rpc and got back,
// "" where none was used: on a slow network that, and the round trips, are what
// a step waits for.
func linksText(r *result.Run) string {
	var servers []string
	sums := map[string]*result.NetworkLink{}
	var steps int64
	for i := range r.Details {
		d := &r.Details[i]
		if len(d.Links) > 0 {
			steps += d.Steps
		}
		for _, l := range d.Links {
			sum := sums[l.Server]
			if sum == nil {
				sum = &result.NetworkLink{Server: l.Server}
				sums[l.Server], servers = sum, append(servers, l.Server)
			}
			sum.RoundTripS = max(sum.RoundTripS, l.RoundTripS)
			sum.SentBytes += l.SentBytes
			sum.ReceivedBytes += l.ReceivedBytes
			sum.ResentSegments += l.ResentSegments
		}
	}
	texts := make([]string, len(servers))
	for i, server := range servers {
		texts[i] = linkText(sums[server], steps)
	}
	return strings.Join(texts, "; ")
}

func linkText(l *result.NetworkLink, steps int64) string {
	text := fmt.Sprintf("%s: round trip %.2f ms, %s sent, %s received", l.Server, 1000*l.RoundTripS, mebibytes(l.SentBytes), mebibytes(l.ReceivedBytes))
	if steps > 0 {
		text += fmt.Sprintf(" in %s steps (%.1f KiB each)", figure.Grouped(steps), float64(l.SentBytes+l.ReceivedBytes)/1024/float64(steps))
	}
	if l.ResentSegments > 0 {
		text += fmt.Sprintf(", %s segments lost on the way and sent again", figure.Grouped(l.ResentSegments))
	}
	return text
}
