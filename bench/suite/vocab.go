package suite

import "fmt"

// Vocab is what the workload needs to know of a model's vocabulary.
type Vocab struct {
	Size   int   // number of token ids; ids run from 0 to Size−1
	BOS    int32 // id of the token that begins a sequence
	AddBOS bool  // whether the model wants BOS in front of a prompt
	// Allowed are the ids a prompt is made of: every id that is no control,
	// end-of-generation, unknown or unused token. At least two.
	Allowed []int32
	// Ends are the ids of the tokens that end a text.
	Ends []int32
}

// bosLen is the number of tokens BOS takes in a prompt: 0 or 1.
func (v Vocab) bosLen() int {
	if v.AddBOS {
		return 1
	}
	return 0
}

func (v Vocab) Check() error {
	if len(v.Allowed) < 2 {
		return fmt.Errorf("vocabulary: \"%d\" ids may be used in prompts: at least 2 are needed", len(v.Allowed))
	}
	if v.AddBOS && (v.BOS < 0 || int(v.BOS) >= v.Size) {
		return fmt.Errorf("vocabulary: BOS id \"%d\" is outside 0 to %d: check the model's metadata", v.BOS, v.Size-1)
	}
	for _, id := range v.Allowed {
		if id < 0 || int(id) >= v.Size {
			return fmt.Errorf("vocabulary: id \"%d\" is outside 0 to %d: check the model's metadata", id, v.Size-1)
		}
	}
	return nil
}
