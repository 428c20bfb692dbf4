package machine

// Disturbance is what others did to the engine from StartS to EndS. What could
// not be read is nil.
type Disturbance struct {
	WallS float64 `json:"wall_s"`
	CPUs  int     `json:"cpus,omitempty"` // online in the machine
	// Threads are those of this process that wanted a core.
	Threads *ThreadLoad `json:"threads"`
	// OwnCPUS is this process's CPU time, OtherCPUS that of all others on this
	// machine, and StealS what a hypervisor gave to other machines, in seconds
	// over all CPUs.
	OwnCPUS   *float64 `json:"own_cpu_s"`
	OtherCPUS *float64 `json:"other_cpu_s"`
	StealS    *float64 `json:"steal_s"`
	// PressureS is the time in which some thread of the machine waited for a CPU
	// (/proc/pressure/cpu).
	PressureS           *float64 `json:"cpu_pressure_s"`
	InvoluntarySwitches *int64   `json:"involuntary_switches"`
	MajorFaults         *int64   `json:"major_faults"`        // pages that came from a disk
	Quota               *Quota   `json:"cpu_quota,omitempty"` // nil: the process has none
	// StoppedS is the time in which the process stood still: SIGSTOP, a frozen
	// control group, a machine that slept.
	StoppedS *float64 `json:"stopped_s"`
	// CPUClockMHz are the mean clocks of the CPUs at the start and at the end,
	// and ThermalThrottles how often a CPU lowered its clock for its heat.
	CPUClockMHz      []float64 `json:"cpu_clock_mhz,omitempty"`
	ThermalThrottles *int64    `json:"cpu_thermal_throttles"`
	// CardProcesses are other processes that used the cards that the model ran
	// on.
	CardProcesses []string `json:"card_processes,omitempty"`
	// Unread is what of the machine should have been looked at, and was not.
	Unread []string `json:"unread,omitempty"`
	// SampledS is the CPU time that finding all this out took.
	SampledS float64 `json:"sampled_s"`
}

// Quota is what a CPU quota of the process's control group did: it throttled
// the group in so many of its periods, and kept it from the CPUs for so many
// seconds, summed over them.
type Quota struct {
	Periods    int64   `json:"periods"`
	Throttled  int64   `json:"throttled"`
	ThrottledS float64 `json:"throttled_s"`
}

// ThreadLoad is how the threads of a process that wanted a core for a
// twentieth of the time or more got on, from the kernel's scheduler
// (/proc/self/task/*/schedstat).
type ThreadLoad struct {
	Threads int     `json:"threads"`
	RunS    float64 `json:"run_s"`  // Σ time on a core
	WaitS   float64 `json:"wait_s"` // Σ time ready to run, without a core
	// Worst is the highest share of waiting within one second, and BusySeconds
	// how many of Seconds had WaitInASecond or more.
	Worst       float64 `json:"worst_second"`
	Seconds     int     `json:"seconds"`
	BusySeconds int     `json:"busy_seconds"`
}

// WaitShare is wait/(run + wait); 0 for threads that wanted nothing.
func (t *ThreadLoad) WaitShare() float64 {
	if t == nil || t.RunS+t.WaitS <= 0 {
		return 0
	}
	return t.WaitS / (t.RunS + t.WaitS)
}

// WaitInASecond is the share of waiting for a core from which on a second counts
// as busy.
const WaitInASecond = 0.30
