package hip

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"strings"
)

// quantity is one thing that a device's sensors tell.
type quantity int

const (
	powerW quantity = iota
	sclkMHz
	mclkMHz
	edgeC
	junctionC
	memC
	busyPercent
	memBusyPercent
	vramBytes
	energyJ // a counter
	quantities
)

// quantityNames are the keys of telemetry.jsonl.
var quantityNames = [quantities]string{"power_w", "sclk_mhz", "mclk_mhz", "edge_c", "junction_c", "mem_c",
	"gpu_busy_percent", "mem_busy_percent", "vram_used_bytes", "energy_j"}

// sample is one reading of one device. NaN stands for a value that was not
// read.
type sample struct {
	t        float64 // seconds on the run's clock
	tick     int     // readings of one round share it
	device   int
	v        [quantities]float64
	throttle Throttle
	// throttled says that throttle was read in this round.
	throttled bool
}

// sensor is a file that is kept open: reading it from the start again makes
// the kernel print the value anew.
type sensor struct {
	file  *os.File
	of    quantity
	scale float64 // file's unit to ours
}

// read returns the value in our unit, NaN where there is none now.
func (s *sensor) read(buf []byte) float64 {
	n, err := s.file.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return math.NaN()
	}
	v, ok := parseDigits(buf[:n])
	if !ok {
		return math.NaN()
	}
	return float64(v) * s.scale
}

// parseDigits reads an unsigned or negative decimal and nothing else but
// blanks around it, without allocating.
func parseDigits(b []byte) (v int64, ok bool) {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == ' ' || b[len(b)-1] == 0) {
		b = b[:len(b)-1]
	}
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 { // 18 digits always fit
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = 10*v + int64(c-'0')
	}
	if negative {
		v = -v
	}
	return v, true
}

// device is a GPU or a CPU package with its open sensors.
type device struct {
	name    string // "0000:83:00.0", "package-0"
	kind    string // machine.EnergyGPU or machine.EnergyCPU
	sensors []sensor
	metrics *os.File // gpu_metrics; nil: none
	counter *counter // of energy; nil: none
	nvidia  *nvidiaReader

	capW, capDefaultW *float64
}

func (d *device) close() {
	for i := range d.sensors {
		_ = d.sensors[i].file.Close()
	}
	if d.metrics != nil {
		_ = d.metrics.Close()
	}
}

// openGPU opens a card's sensors. Files that the card does not have are left
// out; missing lists the quantities without a file.
func (t tree) openGPU(g GPU) (d device, missing []string) {
	d = device{name: g.PCI, kind: kindGPU, capW: g.PowerCapW, capDefaultW: g.PowerCapDefaultW}
	if d.name == "" {
		d.name = g.Card
	}
	add := func(of quantity, scale float64, files ...string) {
		var chosen *sensor
		for _, name := range files {
			f, err := t.open(name)
			if name == "" || err != nil {
				continue
			}
			// A file that can't be read now may be later, but another that can
			// is the better one.
			s := &sensor{file: f, of: of, scale: scale}
			if reads := !math.IsNaN(s.read(make([]byte, 32))); chosen == nil || reads {
				if chosen != nil {
					_ = chosen.file.Close()
				}
				if chosen = s; reads {
					break
				}
			} else {
				_ = f.Close()
			}
		}
		if chosen == nil {
			missing = append(missing, quantityNames[of])
			return
		}
		d.sensors = append(d.sensors, *chosen)
	}
	// The first sensor is the one whose instant is the sample's.
	add(powerW, 1e-6, t.hwmon(g, "power1_average"), t.hwmon(g, "power1_input"))
	add(sclkMHz, 1e-6, t.labelled(g, "freq", "sclk"))
	add(mclkMHz, 1e-6, t.labelled(g, "freq", "mclk"))
	add(edgeC, 1e-3, t.labelled(g, "temp", "edge"))
	add(junctionC, 1e-3, t.labelled(g, "temp", "junction"))
	add(memC, 1e-3, t.labelled(g, "temp", "mem"))
	if g.dir != "" {
		add(busyPercent, 1, g.dir+"/gpu_busy_percent")
		add(memBusyPercent, 1, g.dir+"/mem_busy_percent")
		add(vramBytes, 1, g.dir+"/mem_info_vram_used")
		if f, err := t.open(g.dir + "/gpu_metrics"); err == nil {
			d.metrics = f
		}
	}
	return d, missing
}

// hwmon is the path of a card's hwmon file, "" where the card has none.
func (t tree) hwmon(g GPU, file string) string {
	if g.hwmon == "" {
		return ""
	}
	return path.Join(g.hwmon, file)
}

// labelled is the input file of the sensor with the label, "" where the card
// has none: numbers differ between chips, labels do not.
func (t tree) labelled(g GPU, kind, label string) string {
	if g.hwmon == "" {
		return ""
	}
	for _, name := range t.names(g.hwmon) {
		base, ok := strings.CutSuffix(name, "_label")
		if ok && strings.HasPrefix(base, kind) && t.text(path.Join(g.hwmon, name)) == label {
			return path.Join(g.hwmon, base+"_input")
		}
	}
	return ""
}

// powercap is where the kernel keeps RAPL's counters. AMD's processors are
// below the same name.
const powercap = "sys/class/powercap"

// counter is an energy counter that wraps around.
type counter struct {
	top   float64 // J; the counter goes from 0 to top and on from 0
	last  float64 // J, as read
	total float64 // J since the first reading
	at    float64 // seconds, of the last reading
	begun bool
}

// update takes a reading (J, NaN for none) and returns the energy since the
// first one and the mean power since the last, NaN where there is none yet.
func (c *counter) update(t, joules float64) (total, watts float64) {
	if math.IsNaN(joules) {
		return math.NaN(), math.NaN() // the counter itself goes on counting
	}
	if !c.begun {
		c.last, c.at, c.begun = joules, t, true
		return c.total, math.NaN()
	}
	step, dt := joules-c.last, t-c.at
	if step < 0 {
		step += c.top
	}
	if step < 0 || dt <= 0 {
		return c.total, math.NaN()
	}
	c.last, c.at = joules, t
	c.total += step
	return c.total, step / dt
}

// openPackages opens the CPU packages' energy counters. notes say which could
// not be read and why.
func (t tree) openPackages() (out []device, notes []string) {
	for _, zone := range t.numbered(powercap, "intel-rapl:") {
		dir := path.Join(powercap, zone)
		name := t.line(dir + "/name")
		if !strings.HasPrefix(name, "package") || strings.ContainsAny(name, "\"\\") {
			continue // psys holds the packages, dram is beside them
		}
		d, err := t.openPackage(dir, name)
		if err != nil {
			notes = append(notes, err.Error())
			continue
		}
		out = append(out, d)
	}
	return out, notes
}

func (t tree) openPackage(dir, name string) (device, error) {
	const file = "energy_uj"
	f, err := t.open(dir + "/" + file)
	if errors.Is(err, fs.ErrPermission) {
		return device{}, fmt.Errorf("CPU power (%s): %s is for root only; run as root, or `chmod a+r` it", name, "/"+dir+"/"+file)
	}
	if err != nil {
		return device{}, fmt.Errorf("CPU power (%s): no %s", name, file)
	}
	s := sensor{file: f, of: energyJ, scale: 1e-6}
	top, ok := t.number(dir + "/max_energy_range_uj")
	if math.IsNaN(s.read(make([]byte, 32))) || !ok || top == 0 {
		_ = f.Close()
		return device{}, fmt.Errorf("CPU power (%s): its counter can't be read", name)
	}
	return device{name: name, kind: kindCPU, sensors: []sensor{s}, counter: &counter{top: float64(top) * 1e-6}}, nil
}

// read takes the device's sample at the instant now tells.
func (d *device) read(out *sample, now float64, buf []byte) {
	out.t = now
	noValues(&out.v)
	if d.nvidia != nil {
		d.nvidia.read(&out.v)
	}
	for i := range d.sensors {
		out.v[d.sensors[i].of] = d.sensors[i].read(buf)
	}
	if d.counter != nil {
		var mean float64
		if out.v[energyJ], mean = d.counter.update(now, out.v[energyJ]); !out.finite(powerW) {
			out.v[powerW] = mean
		}
	}
}

// readMetrics adds gpu_metrics' status and accumulator. Reading it faster than
// once or twice a second disturbed the firmware of old kernels.
func (d *device) readMetrics(out *sample, buf []byte) {
	if d.nvidia != nil {
		out.throttle, out.throttled = d.nvidia.throttle()
		return
	}
	if d.metrics == nil {
		return
	}
	n, err := d.metrics.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return
	}
	out.throttle, out.throttled = parseThrottle(buf[:n])
	if joules, ok := parseAccumulator(buf[:n]); ok {
		out.v[energyJ] = joules
	}
}
