package bench

import "ceiling/bench/result"

// linked is an [Engine] that knows the connections to its devices. Its counts
// are since each was opened.
type linked interface{ Links() []result.NetworkLink }

// linksOf are an engine's connections; nil where it has none or does not know.
func linksOf(e Engine) []result.NetworkLink {
	if l, ok := e.(linked); ok {
		return l.Links()
	}
	return nil
}
