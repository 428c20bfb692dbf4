package machine

// Kinds of devices whose power is sampled.
const (
	EnergyGPU = "gpu"
	EnergyCPU = "cpu" // a CPU package: cores, caches and memory controller
)

// Ways to an energy.
const (
	EnergyByCounter   = "counter"   // the device's own energy counter
	EnergyByTrapezoid = "trapezoid" // power samples, trapezoidal rule
)

// Energy is what the devices drew in a scenario's window, from StartS to
// EndS. A pointer is nil where a sensor is missing or left too much of the
// window out.
type Energy struct {
	Rounds  int            `json:"rounds"` // sampling rounds inside the window
	Groups  []EnergyGroup  `json:"groups"`
	Devices []DeviceEnergy `json:"devices"`
}

// EnergyGroup is all devices of one kind together: the GPUs that the model
// ran on, the other GPUs, the CPU packages. Kinds are never added up: which
// of them can be read differs between machines.
type EnergyGroup struct {
	Name    string   `json:"name"` // "4 GPUs", "2 GPUs (not used)", "1 CPU package"
	Kind    string   `json:"kind"`
	Used    bool     `json:"used"` // the model ran on them
	MeanW   *float64 `json:"mean_w"`
	PeakW   *float64 `json:"peak_w"` // the largest sum of one round
	EnergyJ *float64 `json:"energy_j"`
	// JPerToken is energy / the scenario's output tokens; TokPerSPerKW output
	// throughput / mean power in kW. Both only for devices that were used.
	JPerToken    *float64 `json:"j_per_output_token"`
	TokPerSPerKW *float64 `json:"output_tok_s_per_kw"`
	MinClockMHz  *float64 `json:"min_clock_mhz"` // lowest reading of any
	MaxTempC     *float64 `json:"max_temperature_c"`
}

// DeviceEnergy is one device's share.
type DeviceEnergy struct {
	Name    string   `json:"name"` // PCI address, or "package-0"
	Kind    string   `json:"kind"`
	Samples int      `json:"samples"` // power readings inside the window
	MeanW   *float64 `json:"mean_w"`
	PeakW   *float64 `json:"peak_w"`
	EnergyJ *float64 `json:"energy_j"`
	Method  string   `json:"method,omitempty"`
	Why     string   `json:"no_energy,omitempty"` // why EnergyJ is missing
	// AccumulatorRatio is the integral of the power / what the card's own energy
	// accumulator counted meanwhile; nil: it has none, or for less than 10 s.
	AccumulatorRatio *float64 `json:"accumulator_ratio,omitempty"`
	MinClockMHz      *float64 `json:"min_clock_mhz"`
	MaxTempC         *float64 `json:"max_temperature_c"`
	MaxTempAt        string   `json:"max_temperature_at,omitempty"` // "junction"
	MeanBusy         *float64 `json:"mean_busy_percent"`
	PeakVRAM         *float64 `json:"peak_vram_bytes"`
	Used             bool     `json:"used,omitempty"` // the model ran on it
	// Throttled are the reasons for lowered clocks that were read, and
	// ThrottleReadings of ThrottleChecks is how often.
	Throttled        []string `json:"throttled,omitempty"`
	ThrottleReadings int      `json:"throttle_readings,omitempty"`
	ThrottleChecks   int      `json:"throttle_checks,omitempty"`
}

// TelemetryInfo says how the devices were sampled and what that cost.
type TelemetryInfo struct {
	Hz         float64  `json:"hz"`          // asked for
	AchievedHz *float64 `json:"achieved_hz"` // rounds / time
	Rounds     int      `json:"rounds"`
	// CPUShare is the sampler thread's CPU time / the time it ran, of one core.
	CPUShare  *float64 `json:"cpu_share"`
	ReadMeanS *float64 `json:"read_mean_s"` // one round, wall time
	ReadMaxS  *float64 `json:"read_max_s"`
	Devices   []string `json:"devices"`
	// Notes are sentences about sensors that could not be read.
	Notes []string `json:"notes,omitempty"`
}
