// Package nvml binds the few calls of NVIDIA's management library that tell
// what a card is and what it draws, found at run time: nothing of CUDA is
// needed to build.
package nvml

import (
	"fmt"

	"ceiling/hip/internal/library"
)

// ReturnCode is an nvmlReturn_t.
type ReturnCode int32

// Return codes that mean something here.
const (
	Success          ReturnCode = 0
	NotSupported     ReturnCode = 3
	insufficientSize ReturnCode = 7
)

// CardHandle is an nvmlDevice_t, a pointer of the library's own.
type CardHandle uintptr

// clock is an nvmlClockType_t.
type clock uint32

const (
	clockSM     clock = 1
	clockMemory clock = 2
)

// temperatureGPU is the one nvmlTemperatureSensors_t that every card has.
const temperatureGPU uint32 = 0

// Reasons for clocks below the highest, bits of
// nvmlDeviceGetCurrentClocksThrottleReasons. Others are no throttling: the
// card is idle, or was told to.
const (
	PowerBits   = 0x04 | 0x80 | 0x200 // software power cap, power brake, board limit
	ThermalBits = 0x20 | 0x40         // by software and by hardware
	VoltageBits = 0x400               // reliability
	HwSlowdown  = 0x08                // by hardware, of any cause
)

// pciInfo is nvmlPciInfo_t.
type pciInfo struct {
	busIDLegacy                              [16]byte
	domain, bus, device, deviceID, subsystem uint32
	busID                                    [32]byte
}

// memory is nvmlMemory_t, in bytes.
type memory struct{ total, free, used uint64 }

// utilization is nvmlUtilization_t, in percent.
type utilization struct{ gpu, memory uint32 }

// process is nvmlProcessInfo_t of the third version of the call, memory in bytes.
type process struct {
	pid                              uint32
	memory                           uint64
	gpuInstanceID, computeInstanceID uint32
}

// NVML is a loaded NVML.
type NVML struct {
	Path string
	call calls
}

// calls are the library's functions. A nil one is not in this release.
type calls struct {
	init          func() ReturnCode
	shutdown      func() ReturnCode
	errorString   func(ReturnCode) string
	driverVersion func(text *byte, length uint32) ReturnCode
	count         func(n *uint32) ReturnCode
	handle        func(index uint32, device *CardHandle) ReturnCode
	name          func(device CardHandle, text *byte, length uint32) ReturnCode
	pci           func(device CardHandle, info *pciInfo) ReturnCode
	memory        func(device CardHandle, m *memory) ReturnCode
	power         func(device CardHandle, milliwatts *uint32) ReturnCode
	energy        func(device CardHandle, millijoules *uint64) ReturnCode
	clock         func(device CardHandle, of clock, mhz *uint32) ReturnCode
	maxClock      func(device CardHandle, of clock, mhz *uint32) ReturnCode
	temperature   func(device CardHandle, sensor uint32, celsius *uint32) ReturnCode
	utilization   func(device CardHandle, u *utilization) ReturnCode
	reasons       func(device CardHandle, bits *uint64) ReturnCode
	processes     func(device CardHandle, n *uint32, list *process) ReturnCode
	limit         func(device CardHandle, milliwatts *uint32) ReturnCode
	defaultLimit  func(device CardHandle, milliwatts *uint32) ReturnCode
}

func (c *calls) symbols() []library.Symbol {
	return []library.Symbol{
		library.Required("nvmlInit_v2", &c.init),
		library.Required("nvmlShutdown", &c.shutdown),
		library.Required("nvmlErrorString", &c.errorString),
		library.Required("nvmlSystemGetDriverVersion", &c.driverVersion),
		library.Required("nvmlDeviceGetCount_v2", &c.count),
		library.Required("nvmlDeviceGetHandleByIndex_v2", &c.handle),
		library.Required("nvmlDeviceGetName", &c.name),
		library.Required("nvmlDeviceGetPciInfo_v3", &c.pci),
		library.Required("nvmlDeviceGetMemoryInfo", &c.memory),
		library.Required("nvmlDeviceGetPowerUsage", &c.power),
		library.Optional("nvmlDeviceGetTotalEnergyConsumption", &c.energy), // from Volta's drivers on
		library.Required("nvmlDeviceGetClockInfo", &c.clock),
		library.Required("nvmlDeviceGetMaxClockInfo", &c.maxClock),
		library.Optional("nvmlDeviceGetTemperature", &c.temperature), // given up in favour of another name
		library.Required("nvmlDeviceGetUtilizationRates", &c.utilization),
		library.Optional("nvmlDeviceGetCurrentClocksThrottleReasons", &c.reasons), // likewise
		library.Optional("nvmlDeviceGetComputeRunningProcesses_v3", &c.processes), // from drivers of 2022 on
		library.Required("nvmlDeviceGetPowerManagementLimit", &c.limit),
		library.Required("nvmlDeviceGetPowerManagementDefaultLimit", &c.defaultLimit),
	}
}

// Open loads the library at path, a file or a name for the loader's own
// search, and binds its functions.
func Open(path string) (*NVML, error) {
	l := &NVML{Path: path}
	if _, err := library.Open(path, l.call.symbols(), "it is not the NVML of a driver from 2018 on"); err != nil {
		return nil, err
	}
	return l, nil
}

// Init starts the library; Shutdown must follow.
func (l *NVML) Init() ReturnCode { return l.call.init() }

// Shutdown ends it.
func (l *NVML) Shutdown() { l.call.shutdown() }

// ErrorText is the library's own text for a status, "Driver Not Loaded".
func (l *NVML) ErrorText(s ReturnCode) string { return l.call.errorString(s) }

// DriverVersion is the driver's, "550.54.15".
func (l *NVML) DriverVersion() (string, ReturnCode) {
	var buf [80]byte
	s := l.call.driverVersion(&buf[0], uint32(len(buf)))
	return library.Text(buf[:]), s
}

// Count is the number of cards.
func (l *NVML) Count() (n int, s ReturnCode) {
	var v uint32
	s = l.call.count(&v)
	return int(v), s
}

// Device is the card with the index.
func (l *NVML) Device(index int) (d CardHandle, s ReturnCode) {
	s = l.call.handle(uint32(index), &d)
	return d, s
}

// Name is a card's marketing name.
func (l *NVML) Name(d CardHandle) (string, ReturnCode) {
	var buf [96]byte
	s := l.call.name(d, &buf[0], uint32(len(buf)))
	return library.Text(buf[:]), s
}

// PCI is a card's address in the kernel's form, "0000:01:00.0".
func (l *NVML) PCI(d CardHandle) (string, ReturnCode) {
	var p pciInfo
	s := l.call.pci(d, &p)
	return fmt.Sprintf("%04x:%02x:%02x.0", p.domain, p.bus, p.device), s
}

// Memory is a card's memory in bytes.
func (l *NVML) Memory(d CardHandle) (total, used uint64, s ReturnCode) {
	var m memory
	s = l.call.memory(d, &m)
	return m.total, m.used, s
}

// Power is what the card draws, in mW.
func (l *NVML) Power(d CardHandle) (mW uint32, s ReturnCode) {
	s = l.call.power(d, &mW)
	return mW, s
}

// Energy is what the card has drawn since the driver was loaded, in mJ.
func (l *NVML) Energy(d CardHandle) (mJ uint64, s ReturnCode) {
	if l.call.energy == nil {
		return 0, NotSupported
	}
	s = l.call.energy(d, &mJ)
	return mJ, s
}

// Clocks are the multiprocessors' and the memory's, in MHz.
func (l *NVML) Clocks(d CardHandle) (sm, mem uint32, s ReturnCode) {
	if s = l.call.clock(d, clockSM, &sm); s == Success {
		s = l.call.clock(d, clockMemory, &mem)
	}
	return sm, mem, s
}

// MaxClock is the highest of the multiprocessors, in MHz.
func (l *NVML) MaxClock(d CardHandle) (mhz uint32, s ReturnCode) {
	s = l.call.maxClock(d, clockSM, &mhz)
	return mhz, s
}

// Temperature is the chip's, in °C.
func (l *NVML) Temperature(d CardHandle) (celsius uint32, s ReturnCode) {
	if l.call.temperature == nil {
		return 0, NotSupported
	}
	s = l.call.temperature(d, temperatureGPU, &celsius)
	return celsius, s
}

// Busy is the share of the last sampling period in which a kernel ran, and in
// which memory was read or written, in percent.
func (l *NVML) Busy(d CardHandle) (gpu, mem uint32, s ReturnCode) {
	var u utilization
	s = l.call.utilization(d, &u)
	return u.gpu, u.memory, s
}

// Reasons are why the clocks are below the highest, bits as above.
func (l *NVML) Reasons(d CardHandle) (bits uint64, s ReturnCode) {
	if l.call.reasons == nil {
		return 0, NotSupported
	}
	s = l.call.reasons(d, &bits)
	return bits, s
}

// CardUser computes on a card, with so much of its memory; Bytes is 0 where the
// driver does not tell.
type CardUser struct {
	PID   int
	Bytes int64
}

// Users are those that compute on a card.
func (l *NVML) Users(d CardHandle) ([]CardUser, ReturnCode) {
	if l.call.processes == nil {
		return nil, NotSupported
	}
	list, n := make([]process, 64), uint32(64)
	s := l.call.processes(d, &n, &list[0])
	for s == insufficientSize && int(n) >= len(list) && n < 1<<16 {
		n *= 2 // others may have come since
		list = make([]process, n)
		s = l.call.processes(d, &n, &list[0])
	}
	if s != Success || int(n) > len(list) {
		return nil, max(s, NotSupported)
	}
	var out []CardUser
	for _, p := range list[:n] {
		u := CardUser{PID: int(p.pid)}
		if p.memory < 1<<50 {
			u.Bytes = int64(p.memory)
		}
		out = append(out, u)
	}
	return out, Success
}

// Limits are the power cap and its default, in mW.
func (l *NVML) Limits(d CardHandle) (now, normal uint32, s ReturnCode) {
	if s = l.call.limit(d, &now); s == Success {
		s = l.call.defaultLimit(d, &normal)
	}
	return now, normal, s
}
