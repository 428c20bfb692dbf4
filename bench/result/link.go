package result

// NetworkLink is the network connection to one server of --rpc, as the kernel counts
// it.
type NetworkLink struct {
	Server     string  `json:"server"`       // host:port
	RoundTripS float64 `json:"round_trip_s"` // seconds, as TCP smooths it, at the scenario's end
	SentBytes  int64   `json:"sent_bytes"`   // each byte once
	// ReceivedBytes and ResentSegments tell of the other direction, and of what
	// the network lost.
	ReceivedBytes  int64 `json:"received_bytes"`
	ResentSegments int64 `json:"resent_segments"`
}

// LinksSince is what went over each connection after before was taken. One that
// is not in both, or was opened anew, is left out.
func LinksSince(before, after []NetworkLink) []NetworkLink {
	var during []NetworkLink
	for _, a := range after {
		for _, b := range before {
			if a.Server != b.Server || a.SentBytes < b.SentBytes || a.ReceivedBytes < b.ReceivedBytes {
				continue
			}
			a.SentBytes -= b.SentBytes
			a.ReceivedBytes -= b.ReceivedBytes
			a.ResentSegments -= b.ResentSegments
			during = append(during, a)
			break
		}
	}
	return during
}
