package result

// TurnFigures are those of one turn, over all conversations of a scenario whose
// request for it succeeded.
type TurnFigures struct {
	Requests int `json:"requests"`
	// Input, Reused and New are the mean tokens of a prompt, those of it that were
	// served from the KV of the turns before, and the others.
	Input  float64 `json:"mean_input"`
	Reused float64 `json:"mean_reused"`
	New    float64 `json:"mean_new"`
	TTFT   *Dist   `json:"ttft_s"`
	TPOT   *Dist   `json:"tpot_s"`
}

// turns are the figures of each turn; nil where requests stand alone.
func (s *sample) turns(sc Scenario) []TurnFigures {
	if sc.Turns < 2 {
		return nil
	}
	out := make([]TurnFigures, sc.Turns)
	ttft, tpot := make([][]float64, sc.Turns), make([][]float64, sc.Turns)
	for _, r := range s.good {
		if r.Turn >= sc.Turns {
			continue
		}
		t := &out[r.Turn]
		t.Requests++
		t.Input += float64(r.InputTokens)
		t.Reused += float64(r.ReusedTokens)
		ttft[r.Turn] = append(ttft[r.Turn], r.TTFT())
		if v, ok := r.TPOT(); ok {
			tpot[r.Turn] = append(tpot[r.Turn], v)
		}
	}
	for i := range out {
		t := &out[i]
		if t.Requests > 0 {
			t.Input, t.Reused = t.Input/float64(t.Requests), t.Reused/float64(t.Requests)
		}
		t.New, t.TTFT, t.TPOT = t.Input-t.Reused, NewDist(ttft[i]), NewDist(tpot[i])
	}
	return out
}
