package result

// GraphCounts counts what the engine made of the steps of a scenario.
type GraphCounts struct {
	Computed int64 `json:"computed"` // compute graphs
	Reused   int64 `json:"reused"`   // of them: the graph before with other inputs, neither built nor laid out
	Splits   int64 `json:"splits"`   // parts of the graphs, each for one device
	Plans    int64 `json:"plans"`    // times that a graph's tensors were given places in the buffers anew
	Buffers  int64 `json:"buffers"`  // allocated meanwhile
	// Captured and Dropped are the graphs of kernels that a GPU's back end
	// captured, and those of them that it threw away as the graph had changed;
	// null where no back end says.
	Captured *int64 `json:"captured"`
	Dropped  *int64 `json:"dropped"`
}

// GraphsSince is what was counted after before was taken; nil where nothing
// counts.
func GraphsSince(before, after *GraphCounts) *GraphCounts {
	if before == nil || after == nil || after.Computed == before.Computed {
		return nil
	}
	g := *after
	g.Computed -= before.Computed
	g.Reused -= before.Reused
	g.Splits -= before.Splits
	g.Plans -= before.Plans
	g.Buffers -= before.Buffers
	g.Captured, g.Dropped = since(before.Captured, after.Captured), since(before.Dropped, after.Dropped)
	return &g
}

// since is after − before, where what was not counted before counts from 0.
func since(before, after *int64) *int64 {
	if after == nil {
		return nil
	}
	n := *after
	if before != nil {
		n -= *before
	}
	return &n
}
