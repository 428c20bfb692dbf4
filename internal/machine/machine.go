// Package machine has the parts of results.json that tell of the machine itself:
// what it is, what its devices drew, and what others did to a run. What measures
// them and what stores them both import it.
package machine

// System is the machine, for the report's System Configuration. An empty
// string is "not known" and leaves its row out.
type System struct {
	GPUs        string `json:"gpus,omitempty"` // "4× AMD Instinct MI100 (gfx908)"
	OS          string `json:"os,omitempty"`
	Kernel      string `json:"kernel,omitempty"`
	CPU         string `json:"cpu,omitempty"`
	Cores       int    `json:"cores,omitempty"` // usable by this process
	MemoryBytes int64  `json:"memory_bytes,omitempty"`
	MemoryLimit int64  `json:"memory_limit_bytes,omitempty"` // cgroup limit below the machine's memory
	ROCkModule  string `json:"rock_module,omitempty"`
	ROCm        string `json:"rocm,omitempty"`
	XGMI        string `json:"xgmi,omitempty"`
	// Cards are the machine's AMD GPUs, whether the model used them or not.
	Cards      []Card `json:"cards,omitempty"`
	GPULinks   string `json:"gpu_links,omitempty"` // "xGMI, 1 hop, between every pair"
	Governor   string `json:"cpu_governor,omitempty"`
	Hypervisor string `json:"hypervisor,omitempty"`
	// LoadAverage is the kernel's one-minute figure before the run began:
	// above a fraction of one, other work was using the machine.
	LoadAverage  string `json:"load_average,omitempty"`
	Instructions string `json:"instruction_sets,omitempty"` // those the CPU backend was built for
}

// Card is one GPU of the machine. What is not known is left out.
type Card struct {
	Name             string   `json:"name"`
	Arch             string   `json:"arch,omitempty"`
	PCI              string   `json:"pci,omitempty"`
	VRAMBytes        int64    `json:"vram_bytes,omitempty"`
	BandwidthGBs     *float64 `json:"memory_bandwidth_gb_s,omitempty"` // peak, 10⁹ bytes/s
	ComputeUnits     int      `json:"compute_units,omitempty"`
	MaxClockMHz      int      `json:"max_clock_mhz,omitempty"`
	PowerCapW        *float64 `json:"power_cap_w,omitempty"`
	PowerCapDefaultW *float64 `json:"power_cap_default_w,omitempty"`
	PCIe             string   `json:"pcie,omitempty"`    // "16 GT/s ×16"
	HiveID           string   `json:"hive_id,omitempty"` // hexadecimal; "" in no hive
	UniqueID         string   `json:"unique_id,omitempty"`
	VBIOS            string   `json:"vbios,omitempty"`
}

// DeviceInfo is one llama.cpp device.
type DeviceInfo struct {
	Name        string `json:"name"`        // "CPU", "ROCm0", "RPC0"
	Description string `json:"description"` // "AMD Instinct MI100"
	Type        string `json:"type"`        // cpu | gpu | igpu | accel
	MemoryTotal int64  `json:"memory_total_bytes"`
	MemoryFree  int64  `json:"memory_free_bytes"`
}
