package kernels

import "testing"

// Plans of Devstral on four cards with RCCL: what one user and 32 could have.
func TestPlan(t *testing.T) {
	m, r := devstral(), machine(t, "mi100x4-rccl")
	decode, prompt := r.Limits(&m, WorkShape{Input: 2048, Output: 512, Concurrency: 1, UBatch: 512})
	// 12.88 GB and 2,304 tokens of KV at 163,840 B through four cards.
	near(t, "memory", 1e3*decode.Memory, 1e3*(12.8818e9+2304*163840)/(4*1181e9), 0.001)
	near(t, "link", 1e3*decode.Link, 80*0.019, 1e-6)
	near(t, "launch", 1e3*decode.Launch, 760*0.00133, 1e-6)
	// Four graphs of 512 tokens: 44.46 GFLOP a token and the attention, not the output.
	ops := 2048*2*22.230e9 + 2*0.671e9 + 2048*2049/2*float64(4*32*128*40)
	near(t, "compute", prompt.Compute, ops/(4*184.57e12), 1e-4)
	near(t, "launches", prompt.Launch, 4*760*1.33e-6, 1e-9)
	many, _ := r.Limits(&m, WorkShape{Input: 1024, Output: 256, Concurrency: 32, UBatch: 512})
	// Up to 8 tokens the products are dots, which have half the rate.
	if many.Memory <= decode.Memory || many.Compute <= 12*decode.Compute || many.Compute > 20*decode.Compute {
		t.Errorf("32 users: %+v, one: %+v", many, decode)
	}
}

func TestRoofsOf(t *testing.T) {
	m, r := small()
	u := Used{Roofs: r, Load: m}
	u.Roofs.Devices = 2
	u.Load.Output[0].Type = "Q8_0" // of which no rate is known
	list := u.RoofsOf()
	if len(list) != 1 || list[0].Name != "f16" || list[0].Compute != 4e11 {
		t.Fatalf("%+v", list)
	}
	near(t, "memory", list[0].At(1), 2e10, 0)
	near(t, "compute", list[0].At(100), 4e11, 0)
	bytes, ops := m.Asks(Work{Decode: 2, Wanted: 2, Context: 10, Prompt: 3, PromptContext: 6, Graphs: 2})
	near(t, "bytes", bytes, 2*1.1e9+10*1e4, 0)
	near(t, "ops", ops, 5*1e9+2*1e8+16*1e4, 0)
}
