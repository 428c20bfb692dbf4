package hip

import (
	"errors"
	"fmt"
	"math"

	"ceiling/hip/internal/nvml"
	"ceiling/internal/machine"
	"ceiling/internal/oneline"
)

// ErrNoNVML: there is no libnvidia-ml.so.1, which every driver of NVIDIA's
// brings along.
var ErrNoNVML = errors.New("no NVML")

// nvmlName is the library's, for the loader's own search.
const nvmlName = "libnvidia-ml.so.1"

// NVIDIA is the management library of NVIDIA's driver in this process. A nil
// one has no cards.
type NVIDIA struct {
	Driver string       `json:"driver,omitempty"` // "550.54.15"
	Cards  []NVIDIACard `json:"cards"`

	lib *nvml.NVML
}

// NVIDIACard is one card. What it does not tell is 0 or nil.
type NVIDIACard struct {
	Name             string   `json:"name"`
	PCI              string   `json:"pci"`
	VRAM             int64    `json:"vram_bytes,omitempty"`
	MaxClockMHz      int      `json:"max_clock_mhz,omitempty"`
	PowerCapW        *float64 `json:"power_cap_w,omitempty"`
	PowerCapDefaultW *float64 `json:"power_cap_default_w,omitempty"`

	handle nvml.CardHandle
}

// OpenNVIDIA loads the library and describes every card. It returns ErrNoNVML
// where there is none, and ErrRuntime where it does not start. Close must be
// called.
func OpenNVIDIA() (*NVIDIA, error) { return openNVIDIA(nvmlName) }

// FindNVIDIA asks NVIDIA's driver, which is this machine's, not a copied
// tree's. Where there is no library nil says so; where it does not start the
// note says why.
func FindNVIDIA(sysroot string) (nv *NVIDIA, note string) {
	if sysroot != "/" {
		return nil, ""
	}
	nv, err := OpenNVIDIA()
	if err != nil && !errors.Is(err, ErrNoNVML) {
		note = "NVIDIA's cards are not read: " + oneline.Of(err.Error())
	}
	return nv, note
}

func openNVIDIA(file string) (*NVIDIA, error) {
	lib, err := nvml.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoNVML, err)
	}
	n := &NVIDIA{lib: lib, Cards: []NVIDIACard{}}
	if s := lib.Init(); s != nvml.Success {
		return nil, n.failure("nvmlInit", s)
	}
	if err := n.readCards(); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

func (n *NVIDIA) failure(call string, s nvml.ReturnCode) error {
	return fmt.Errorf("%w: %s: %s (code %d) from %q: check that NVIDIA's kernel driver is loaded and of the library's version", ErrRuntime, call, n.lib.ErrorText(s), s, n.lib.Path)
}

// readCards lists the cards. One that is lost or may not be read is left out.
func (n *NVIDIA) readCards() error {
	count, s := n.lib.Count()
	if s != nvml.Success {
		return n.failure("nvmlDeviceGetCount", s)
	}
	if v, s := n.lib.DriverVersion(); s == nvml.Success {
		n.Driver = clean(v)
	}
	for i := range count {
		h, s := n.lib.Device(i)
		if s != nvml.Success {
			continue
		}
		pci, s := n.lib.PCI(h)
		if s != nvml.Success {
			continue
		}
		c := NVIDIACard{Name: "NVIDIA GPU", PCI: pci, handle: h}
		if name, s := n.lib.Name(h); s == nvml.Success {
			c.Name = clean(name)
		}
		if total, _, s := n.lib.Memory(h); s == nvml.Success && total < 1<<50 {
			c.VRAM = int64(total)
		}
		if mhz, s := n.lib.MaxClock(h); s == nvml.Success {
			c.MaxClockMHz = bounded(uint64(mhz))
		}
		if now, normal, s := n.lib.Limits(h); s == nvml.Success {
			w, d := float64(now)/1000, float64(normal)/1000
			c.PowerCapW, c.PowerCapDefaultW = &w, &d
		}
		n.Cards = append(n.Cards, c)
	}
	return nil
}

// Close ends the library's use.
func (n *NVIDIA) Close() {
	if n != nil {
		n.lib.Shutdown()
	}
}

// Describe adds the cards with these PCI addresses to the system.
func (n *NVIDIA) Describe(s *machine.System, used []string) {
	for _, c := range n.named(used) {
		s.Cards = append(s.Cards, machine.Card{Name: c.Name, PCI: c.PCI, VRAMBytes: c.VRAM, MaxClockMHz: c.MaxClockMHz,
			PowerCapW: c.PowerCapW, PowerCapDefaultW: c.PowerCapDefaultW})
	}
}

// named are the cards with these addresses, in that order.
func (n *NVIDIA) named(pci []string) []NVIDIACard {
	if n == nil {
		return nil
	}
	var out []NVIDIACard
	for _, address := range pci {
		for _, c := range n.Cards {
			if c.PCI == address {
				out = append(out, c)
			}
		}
	}
	return out
}

// nvidiaQuantities are those that NVML can tell.
var nvidiaQuantities = []quantity{powerW, sclkMHz, mclkMHz, edgeC, busyPercent, memBusyPercent, vramBytes}

// openCard is a card as the sampler reads it; missing lists the quantities
// that it does not tell.
func (n *NVIDIA) openCard(c NVIDIACard) (d device, missing []string) {
	d = device{name: c.PCI, kind: kindGPU, capW: c.PowerCapW, capDefaultW: c.PowerCapDefaultW, nvidia: &nvidiaReader{n.lib, c.handle}}
	var probe sample
	d.read(&probe, 0, nil)
	if probe.finite(energyJ) {
		d.counter = &counter{} // of 64 bits: it does not come round
	}
	for _, q := range nvidiaQuantities {
		if !probe.finite(q) {
			missing = append(missing, quantityNames[q])
		}
	}
	return d, missing
}

// nvidiaReader reads one card.
type nvidiaReader struct {
	lib    *nvml.NVML
	handle nvml.CardHandle
}

// read fills in what the card tells now; the rest stays as it is.
func (r *nvidiaReader) read(v *[quantities]float64) {
	set := func(q quantity, value float64, s nvml.ReturnCode) {
		if s == nvml.Success {
			v[q] = value
		}
	}
	mW, s := r.lib.Power(r.handle)
	set(powerW, float64(mW)/1000, s)
	mJ, s := r.lib.Energy(r.handle)
	set(energyJ, float64(mJ)/1000, s)
	sm, mem, s := r.lib.Clocks(r.handle)
	set(sclkMHz, float64(sm), s)
	set(mclkMHz, float64(mem), s)
	celsius, s := r.lib.Temperature(r.handle) // the chip's, as AMD's edge
	set(edgeC, float64(celsius), s)
	gpu, memory, s := r.lib.Busy(r.handle)
	set(busyPercent, float64(gpu), s)
	set(memBusyPercent, float64(memory), s)
	_, used, s := r.lib.Memory(r.handle)
	set(vramBytes, float64(used), s)
}

// throttle is why the clocks are below the highest, in the bits that Throttle
// has for AMD's cards.
func (r *nvidiaReader) throttle() (Throttle, bool) {
	bits, s := r.lib.Reasons(r.handle)
	if s != nvml.Success {
		return 0, false
	}
	var t Throttle
	for _, group := range []struct {
		of  uint64
		bit int
	}{{nvml.PowerBits, powerBit}, {nvml.ThermalBits, temperatureBit}, {nvml.VoltageBits, voltageBit}} {
		if bits&group.of != 0 {
			t |= 1 << group.bit
		}
	}
	if t == 0 && bits&nvml.HwSlowdown != 0 {
		t = 1 << hardwareBit // the card does not say of what
	}
	return t, true
}

// noValues is a reading of nothing.
func noValues(v *[quantities]float64) {
	for q := range v {
		v[q] = math.NaN()
	}
}
