package report

import (
	"ceiling/internal/machine"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// sampled is a run of two scenarios with telemetry: one whole, one with a
// card that has no power sensor.
func sampled() *result.Run {
	whole := &machine.Energy{Rounds: 42, Groups: []machine.EnergyGroup{
		{Name: "4 GPUs", Kind: machine.EnergyGPU, Used: true, MeanW: ptr(801.25), PeakW: ptr(1102.0), EnergyJ: ptr(3365.25), JPerToken: ptr(6.5728),
			TokPerSPerKW: ptr(152.13), MinClockMHz: ptr(1087.0), MaxTempC: ptr(91.0)},
		{Name: "1 CPU package", Kind: machine.EnergyCPU, MeanW: ptr(88.0), PeakW: ptr(120.5), EnergyJ: ptr(369.6)}},
		Devices: []machine.DeviceEnergy{{Kind: machine.EnergyGPU, Method: machine.EnergyByTrapezoid}, {Kind: machine.EnergyCPU, Method: machine.EnergyByCounter}}}
	part := &machine.Energy{Groups: []machine.EnergyGroup{{Name: "4 GPUs", Kind: machine.EnergyGPU, Used: true, MaxTempC: ptr(50.0)}},
		Devices: []machine.DeviceEnergy{{Kind: machine.EnergyGPU}}}
	return &result.Run{
		Results: []result.Summary{{Name: "A"}, {Name: "B|C"}, {Name: "D"}},
		Details: []result.Detail{{Name: "A", Energy: whole}, {Name: "B|C", Energy: part}, {Name: "D"}},
		Telemetry: &machine.TelemetryInfo{Hz: 10, AchievedHz: ptr(9.97), Rounds: 1234, CPUShare: ptr(0.00123), ReadMeanS: ptr(0.0004), ReadMaxS: ptr(0.0121),
			Devices: []string{"a", "b", "c", "d", "package-0"}, Notes: []string{"card9: no sensor", "package-1:\nroot only"}},
	}
}

func TestEnergySection(t *testing.T) {
	r := sampled()
	want := `| Scenario | Measured on | Mean power (W) | Peak power (W) | Energy (J) | J/output token | Output tok/s per kW | Lowest clock (MHz) | Highest temperature (°C) |
|---|---|---:|---:|---:|---:|---:|---:|---:|
| A | 4 GPUs | 801.2 | 1102.0 | 3365.2 | 6.573 | 152.1 | 1087 | 91 |
| A | 1 CPU package | 88.0 | 120.5 | 369.6 | — | — | — | — |
| B\|C | 4 GPUs | — | — | — | — | — | — | 50 |

- Power is sampled during the scenario, energy is of the time from its start to its last step. J/token is energy / output tokens: the prompts' share is in it. GPUs and CPU are not added up: which of them can be read differs between machines.
- GPU energy is the integral of the power that the card's firmware reports (trapezoidal rule).
- CPU energy is the difference of the package's own energy counter (RAPL): cores, caches and memory controller, without the memory.
- 5 devices sampled at 10 Hz (10.0 reached); the sampler's thread took 0.12% of one core, a round of readings 0.40 ms, at most 12.10 ms.
- Not read: card9: no sensor; package-1: root only.`
	if d := cmp.Diff(want, text(t, energySection(r, scenarios(r))...)); d != "" {
		t.Errorf("section (-want +got):\n%s", d)
	}
}

// The agreement is told where the cards count, of energies that are told.
func TestEnergySectionAgreement(t *testing.T) {
	r := sampled()
	r.Details[0].Energy.Devices = append(r.Details[0].Energy.Devices,
		machine.DeviceEnergy{Kind: machine.EnergyGPU, EnergyJ: ptr(1.0), AccumulatorRatio: ptr(0.981)},
		machine.DeviceEnergy{Kind: machine.EnergyGPU, EnergyJ: ptr(1.0), AccumulatorRatio: ptr(1.004)},
		machine.DeviceEnergy{Kind: machine.EnergyGPU, AccumulatorRatio: ptr(1.3)})
	if got := text(t, energySection(r, scenarios(r))...); !strings.Contains(got, "\n- The integral of the power agrees with the cards' own energy accumulators within 1.9% in 2 comparisons.\n") {
		t.Errorf("section:\n%s", got)
	}
}

// NVIDIA's cards count their energy themselves.
func TestEnergySectionCounter(t *testing.T) {
	r := sampled()
	r.Details[0].Energy.Devices[0].Method = machine.EnergyByCounter
	got := text(t, energySection(r, scenarios(r))...)
	if !strings.Contains(got, "- GPU energy is the difference of the card's own energy counter (NVML).\n") || strings.Contains(got, "trapezoidal") {
		t.Errorf("section:\n%s", got)
	}
}

// Without data there is no section, and the report is what it was.
func TestEnergySectionAbsent(t *testing.T) {
	r := sampled()
	for i := range r.Details {
		r.Details[i].Energy = nil
	}
	if got := energySection(r, scenarios(r)); got != nil {
		t.Errorf("a section without data: %v", got)
	}
	if strings.Contains(render(t, r, DocumentOptions{}), "## Energy") {
		t.Error("the report has an Energy section without data")
	}
	if !strings.Contains(render(t, sampled(), DocumentOptions{}), "\n## Energy\n\n| Scenario | Measured on |") {
		t.Error("the report lacks its Energy section")
	}
}

// A run on some of the cards says so.
func TestGPURowPart(t *testing.T) {
	gpu := machine.DeviceInfo{Name: "ROCm0", Type: "gpu"}
	r := &result.Run{System: &machine.System{GPUs: "4× AMD Instinct MI100 (gfx908)", Cards: make([]machine.Card, 4)},
		Engine: &result.EngineInfo{Devices: []machine.DeviceInfo{gpu, gpu}}}
	if got, want := gpus(r), "4× AMD Instinct MI100 (gfx908), 2 used"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r.Engine.Devices = []machine.DeviceInfo{gpu, gpu, gpu, gpu}
	if got, want := gpus(r), "4× AMD Instinct MI100 (gfx908)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCardsText(t *testing.T) {
	link := func(c machine.Card) string { return c.PCIe }
	card := func(pci, pcie string) machine.Card { return machine.Card{PCI: pci, PCIe: pcie} }
	for want, cards := range map[string][]machine.Card{
		"":            {card("a", ""), card("b", "")},
		"16 GT/s ×16": {card("a", "16 GT/s ×16"), card("b", "16 GT/s ×16")},
		"16 GT/s ×16 (a, c); 8 GT/s ×8 (b); — (d)": {card("a", "16 GT/s ×16"), card("b", "8 GT/s ×8"), card("c", "16 GT/s ×16"), card("d", "")},
	} {
		if got := cardsText(cards, link); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got, want := capText(machine.Card{PowerCapW: ptr(200.0), PowerCapDefaultW: ptr(290.0)}), "200 W (290 W)"; got != want {
		t.Errorf("cap %q, want %q", got, want)
	}
}
