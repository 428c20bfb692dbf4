// Package amdhip binds the few calls of AMD's HIP runtime that describe
// devices and run kernels, found at run time: nothing of ROCm is needed to build.
//
// Device properties are asked for one by one, as attributes. The structure
// hipDeviceProp_t is avoided: it has two layouts, and the plain symbol
// hipGetDeviceProperties is the older one's also in libraries whose headers
// have the newer.
package amdhip

import (
	"fmt"
	"strings"

	"ceiling/hip/internal/library"
)

// ErrorCode is a hipError_t.
type ErrorCode int32

// Error codes that mean something here. They are the same in all releases
// from 5.4 on.
const (
	Success       ErrorCode = 0
	NoDevice      ErrorCode = 100
	InvalidDevice ErrorCode = 101
	NotSupported  ErrorCode = 801
)

// Attribute is a hipDeviceAttribute_t.
type Attribute int32

// Attributes. They are the same in all releases from 5.4 on.
const (
	ClockRate       Attribute = 5  // kHz
	L2CacheSize     Attribute = 19 // bytes
	MemoryBusWidth  Attribute = 59 // bits
	MemoryClockRate Attribute = 60 // kHz
	Multiprocessors Attribute = 63 // compute units
	WarpSize        Attribute = 87
	WallClockRate   Attribute = 10017 // kHz of the clock that wall_clock64() counts
)

// Link types of hipExtGetLinkTypeAndHopCount, in HSA's numbering, which is
// not KFD's.
const (
	LinkPCIe = 2
	LinkXGMI = 4
)

// Where the architecture's name lies in the two layouts of hipDeviceProp_t,
// and how long they are.
const (
	archR0600, sizeR0600 = 1160, 1472 // ROCm 6 and later
	archR0000, sizeR0000 = 396, 792   // ROCm 5
)

// HIPRuntime is a loaded HIP runtime. Calls of one device's memory are of the
// thread that called SetDevice.
type HIPRuntime struct {
	Path   string
	handle library.Handle
	call   calls
}

// calls are the library's functions. A nil one is not in this release.
type calls struct {
	init            func(flags uint32) ErrorCode
	deviceCount     func(count *int32) ErrorCode
	runtimeVersion  func(version *int32) ErrorCode
	setDevice       func(device int32) ErrorCode
	deviceName      func(name *byte, length, device int32) ErrorCode
	pciBusID        func(id *byte, length, device int32) ErrorCode
	attribute       func(value *int32, attribute Attribute, device int32) ErrorCode
	memInfo         func(free, total *uint64) ErrorCode
	totalMem        func(bytes *uint64, device int32) ErrorCode
	canAccessPeer   func(can *int32, device, peer int32) ErrorCode
	linkTypeAndHops func(from, to int32, kind, hops *uint32) ErrorCode
	errorName       func(ErrorCode) string
	propertiesR0600 func(props *byte, device int32) ErrorCode
	propertiesR0000 func(props *byte, device int32) ErrorCode
}

func (c *calls) symbols() []library.Symbol {
	return []library.Symbol{
		library.Required("hipInit", &c.init),
		library.Required("hipGetDeviceCount", &c.deviceCount),
		library.Required("hipRuntimeGetVersion", &c.runtimeVersion),
		library.Required("hipSetDevice", &c.setDevice),
		library.Required("hipDeviceGetName", &c.deviceName),
		library.Required("hipDeviceGetPCIBusId", &c.pciBusID),
		library.Required("hipDeviceGetAttribute", &c.attribute),
		library.Required("hipMemGetInfo", &c.memInfo),
		library.Required("hipDeviceTotalMem", &c.totalMem),
		library.Required("hipDeviceCanAccessPeer", &c.canAccessPeer),
		library.Optional("hipExtGetLinkTypeAndHopCount", &c.linkTypeAndHops),
		library.Optional("hipGetErrorName", &c.errorName),
		library.Optional("hipGetDevicePropertiesR0600", &c.propertiesR0600),
		library.Optional("hipGetDevicePropertiesR0000", &c.propertiesR0000),
	}
}

// Open loads the library at path, a file or a name for the loader's own
// search, and binds its functions.
func Open(path string) (*HIPRuntime, error) {
	l := &HIPRuntime{Path: path}
	var err error
	if l.handle, err = library.Open(path, l.call.symbols(), "it is not the HIP runtime of ROCm 5 or later"); err != nil {
		return nil, err
	}
	return l, nil
}

// ErrorName is the library's own name of a status, "hipErrorNoDevice".
func (l *HIPRuntime) ErrorName(s ErrorCode) string {
	if l.call.errorName == nil {
		return fmt.Sprintf("hipError %d", s)
	}
	return l.call.errorName(s)
}

// Init starts the runtime.
func (l *HIPRuntime) Init() ErrorCode { return l.call.init(0) }

// DeviceCount is the number of devices that the process may use.
func (l *HIPRuntime) DeviceCount() (n int, s ErrorCode) {
	var v int32
	s = l.call.deviceCount(&v)
	return int(v), s
}

// Version is major × 10⁷ + minor × 10⁵ + patch.
func (l *HIPRuntime) Version() (v int, s ErrorCode) {
	var n int32
	s = l.call.runtimeVersion(&n)
	return int(n), s
}

// SetDevice makes device the calling thread's.
func (l *HIPRuntime) SetDevice(device int) ErrorCode { return l.call.setDevice(int32(device)) }

// Memory is what the calling thread's device has, in bytes.
func (l *HIPRuntime) Memory() (free, total uint64, s ErrorCode) {
	s = l.call.memInfo(&free, &total)
	return free, total, s
}

// TotalMemory is a device's, in bytes.
func (l *HIPRuntime) TotalMemory(device int) (bytes uint64, s ErrorCode) {
	s = l.call.totalMem(&bytes, int32(device))
	return bytes, s
}

// Name is a device's marketing name.
func (l *HIPRuntime) Name(device int) (string, ErrorCode) {
	var buf [256]byte
	s := l.call.deviceName(&buf[0], int32(len(buf)), int32(device))
	return library.Text(buf[:]), s
}

// PCI is a device's address, "0000:83:00.0".
func (l *HIPRuntime) PCI(device int) (string, ErrorCode) {
	var buf [64]byte
	s := l.call.pciBusID(&buf[0], int32(len(buf)), int32(device))
	return strings.ToLower(library.Text(buf[:])), s
}

// Attribute is one property of a device.
func (l *HIPRuntime) Attribute(a Attribute, device int) (int, ErrorCode) {
	var v int32
	s := l.call.attribute(&v, a, int32(device))
	return int(v), s
}

// CanAccessPeer tells whether device can address peer's memory.
func (l *HIPRuntime) CanAccessPeer(device, peer int) (bool, ErrorCode) {
	var v int32
	s := l.call.canAccessPeer(&v, int32(device), int32(peer))
	return v != 0, s
}

// Link is the type of the way between two devices (LinkPCIe, LinkXGMI, or
// another of HSA's) and its hops; NotSupported where this release does not
// have the call.
func (l *HIPRuntime) Link(from, to int) (kind, hops int, s ErrorCode) {
	if l.call.linkTypeAndHops == nil {
		return 0, 0, NotSupported
	}
	var k, h uint32
	s = l.call.linkTypeAndHops(int32(from), int32(to), &k, &h)
	return int(k), int(h), s
}

// Arch is a device's architecture with its features,
// "gfx908:sramecc+:xnack-", out of hipDeviceProp_t by the symbol that names
// its layout. "" where the library has none of the two.
func (l *HIPRuntime) Arch(device int) string {
	for _, layout := range []struct {
		get    func(*byte, int32) ErrorCode
		offset int
	}{{l.call.propertiesR0600, archR0600}, {l.call.propertiesR0000, archR0000}} {
		if layout.get == nil {
			continue
		}
		// Longer than both layouts: a later release may have grown.
		buf := make([]byte, 8<<10)
		if layout.get(&buf[0], int32(device)) != Success {
			continue
		}
		if name := library.Text(buf[layout.offset : layout.offset+256]); strings.HasPrefix(name, "gfx") {
			return name
		}
	}
	return ""
}
