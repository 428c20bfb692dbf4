package result

// KVContext is the KV that the requests of a scenario at a depth began behind. It
// is kept between the scenarios at depths that have the same settings of the engine,
// in a session that they share, and copied for each sequence.
type KVContext struct {
	Tokens   int `json:"tokens"`
	Computed int `json:"computed_tokens"` // for this scenario, before its clock started
	Reused   int `json:"reused_tokens"`   // that an earlier scenario had computed
	Copies   int `json:"copies"`          // sequences that it was copied to
}
