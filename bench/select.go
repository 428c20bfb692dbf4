package bench

import "strings"

// IsScalingPoint tells whether a result belongs to the concurrency scaling
// series. It goes by the name, which files of the reference have too.
func IsScalingPoint(r Result) bool { return strings.HasPrefix(r.Name, ScalingPrefix) }

// SweetSpot picks the best concurrency for interactive use: among scaling
// points whose TTFT p99 and TPOT p99 are each within twice the lowest of the
// series, the one with the highest output throughput per user, and the lower
// concurrency where two are equal. ok is false where no point has all of
// them. It counts a 0 as missing, as the reference writes it.
func SweetSpot(results []Result) (spot Result, ok bool) {
	var points []Result
	for _, r := range results {
		if IsScalingPoint(r) && measured(r.TTFTP99Ms) && measured(r.TPOTP99Ms) && measured(r.OutputThroughput) && r.Concurrency > 0 {
			points = append(points, r)
		}
	}
	if len(points) == 0 {
		return Result{}, false
	}
	ttft, tpot := *points[0].TTFTP99Ms, *points[0].TPOTP99Ms
	for _, r := range points {
		ttft, tpot = min(ttft, *r.TTFTP99Ms), min(tpot, *r.TPOTP99Ms)
	}
	best := 0.0
	for _, r := range points {
		if *r.TTFTP99Ms > 2*ttft || *r.TPOTP99Ms > 2*tpot {
			continue
		}
		user := PerUserThroughput(r)
		if !ok || user > best || user == best && r.Concurrency < spot.Concurrency {
			spot, best, ok = r, user, true
		}
	}
	return spot, ok
}

// Peak picks the scaling point with the highest output throughput, and the
// lower concurrency where two are equal; ok is false where none has one.
func Peak(results []Result) (peak Result, ok bool) {
	for _, r := range results {
		if !IsScalingPoint(r) || !measured(r.OutputThroughput) {
			continue
		}
		if !ok || *r.OutputThroughput > *peak.OutputThroughput ||
			*r.OutputThroughput == *peak.OutputThroughput && r.Concurrency < peak.Concurrency {
			peak, ok = r, true
		}
	}
	return peak, ok
}

// PerUserThroughput is the output throughput of one user in tokens/s: output
// throughput / concurrency; 0 where it was not measured.
func PerUserThroughput(r Result) float64 {
	if r.OutputThroughput == nil || r.Concurrency <= 0 {
		return 0
	}
	return *r.OutputThroughput / float64(r.Concurrency)
}

func measured(v *float64) bool { return v != nil && *v > 0 }
