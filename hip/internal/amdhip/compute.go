package amdhip

import (
	"runtime"
	"unsafe"

	"ceiling/hip/internal/library"
)

// Flags of memory, events and streams. They are the same in all releases from
// 5.4 on.
const (
	MallocDefault  = 0
	MallocUncached = 3

	EventDefault = 0

	StreamNonBlocking = 1

	captureRelaxed = 2
	copyDefault    = 4
)

// PeerAccessAlreadyEnabled is no failure.
const PeerAccessAlreadyEnabled ErrorCode = 704

// Compute are the calls that run kernels and move memory. Handles and device
// addresses are numbers.
type Compute struct {
	malloc          func(address *uint64, bytes uint64) ErrorCode
	mallocFlags     func(address *uint64, bytes uint64, flags uint32) ErrorCode
	free            func(address uint64) ErrorCode
	hostRegister    func(memory *byte, bytes uint64, flags uint32) ErrorCode
	hostUnregister  func(memory *byte) ErrorCode
	copyIn          func(to uint64, from *byte, bytes uint64, kind int32) ErrorCode
	copyOut         func(to *byte, from uint64, bytes uint64, kind int32) ErrorCode
	copyInAsync     func(to uint64, from *byte, bytes uint64, kind int32, stream uintptr) ErrorCode
	copyOutAsync    func(to *byte, from uint64, bytes uint64, kind int32, stream uintptr) ErrorCode
	copyPeerAsync   func(to uint64, toDevice int32, from uint64, fromDevice int32, bytes uint64, stream uintptr) ErrorCode
	set             func(at uint64, value int32, bytes uint64) ErrorCode
	enablePeer      func(peer int32, flags uint32) ErrorCode
	deviceSync      func() ErrorCode
	streamCreate    func(stream *uintptr, flags uint32) ErrorCode
	streamDestroy   func(stream uintptr) ErrorCode
	streamSync      func(stream uintptr) ErrorCode
	streamWait      func(stream, event uintptr, flags uint32) ErrorCode
	eventCreate     func(event *uintptr, flags uint32) ErrorCode
	eventDestroy    func(event uintptr) ErrorCode
	eventRecord     func(event, stream uintptr) ErrorCode
	eventSync       func(event uintptr) ErrorCode
	eventElapsed    func(milliseconds *float32, start, stop uintptr) ErrorCode
	moduleLoad      func(module *uintptr, code *byte) ErrorCode
	moduleUnload    func(module uintptr) ErrorCode
	moduleFunction  func(function *uintptr, module uintptr, name string) ErrorCode
	launch          func(function uintptr, gx, gy, gz, bx, by, bz, lds uint32, stream uintptr, parameters, extra unsafe.Pointer) ErrorCode
	captureBegin    func(stream uintptr, mode int32) ErrorCode
	captureEnd      func(stream uintptr, graph *uintptr) ErrorCode
	graphInstance   func(exec *uintptr, graph uintptr, flags uint64) ErrorCode
	graphLaunch     func(exec, stream uintptr) ErrorCode
	graphExecDelete func(exec uintptr) ErrorCode
	graphDelete     func(graph uintptr) ErrorCode
}

func (c *Compute) symbols() []library.Symbol {
	return []library.Symbol{
		library.Required("hipMalloc", &c.malloc),
		library.Required("hipExtMallocWithFlags", &c.mallocFlags),
		library.Required("hipFree", &c.free),
		library.Required("hipHostRegister", &c.hostRegister),
		library.Required("hipHostUnregister", &c.hostUnregister),
		library.Required("hipMemcpy", &c.copyIn),
		library.Required("hipMemcpy", &c.copyOut),
		library.Required("hipMemcpyAsync", &c.copyInAsync),
		library.Required("hipMemcpyAsync", &c.copyOutAsync),
		library.Required("hipMemcpyPeerAsync", &c.copyPeerAsync),
		library.Required("hipMemset", &c.set),
		library.Required("hipDeviceEnablePeerAccess", &c.enablePeer),
		library.Required("hipDeviceSynchronize", &c.deviceSync),
		library.Required("hipStreamCreateWithFlags", &c.streamCreate),
		library.Required("hipStreamDestroy", &c.streamDestroy),
		library.Required("hipStreamSynchronize", &c.streamSync),
		library.Required("hipStreamWaitEvent", &c.streamWait),
		library.Required("hipEventCreateWithFlags", &c.eventCreate),
		library.Required("hipEventDestroy", &c.eventDestroy),
		library.Required("hipEventRecord", &c.eventRecord),
		library.Required("hipEventSynchronize", &c.eventSync),
		library.Required("hipEventElapsedTime", &c.eventElapsed),
		library.Required("hipModuleLoadData", &c.moduleLoad),
		library.Required("hipModuleUnload", &c.moduleUnload),
		library.Required("hipModuleGetFunction", &c.moduleFunction),
		library.Required("hipModuleLaunchKernel", &c.launch),
		library.Required("hipStreamBeginCapture", &c.captureBegin),
		library.Required("hipStreamEndCapture", &c.captureEnd),
		library.Required("hipGraphInstantiateWithFlags", &c.graphInstance),
		library.Required("hipGraphLaunch", &c.graphLaunch),
		library.Required("hipGraphExecDestroy", &c.graphExecDelete),
		library.Required("hipGraphDestroy", &c.graphDelete),
	}
}

// Compute binds the calls that run kernels.
func (l *HIPRuntime) Compute() (*Compute, error) {
	c := &Compute{}
	if err := l.handle.Bind(c.symbols(), "kernels need ROCm 5.4 or later"); err != nil {
		return nil, err
	}
	return c, nil
}

// StandIn says whether the cards of this process are the stand-ins of
// hip/standin: its library is loaded before all others, and has a symbol that
// nothing else has.
func StandIn() bool { return library.Loaded("standinIoctl") }

// Malloc allocates on the thread's device.
func (c *Compute) Malloc(bytes, flags int) (address uint64, s ErrorCode) {
	if flags == MallocDefault {
		s = c.malloc(&address, uint64(bytes))
	} else {
		s = c.mallocFlags(&address, uint64(bytes), uint32(flags))
	}
	return address, s
}

// Free gives memory back.
func (c *Compute) Free(address uint64) ErrorCode { return c.free(address) }

// HostRegister pins memory that is not Go's, so that devices reach it.
func (c *Compute) HostRegister(memory []byte) ErrorCode {
	return c.hostRegister(&memory[0], uint64(len(memory)), 0)
}

// HostUnregister undoes HostRegister.
func (c *Compute) HostUnregister(memory []byte) ErrorCode { return c.hostUnregister(&memory[0]) }

// CopyIn copies to a device, and returns when it is done.
func (c *Compute) CopyIn(to uint64, from []byte) ErrorCode {
	return c.copyIn(to, &from[0], uint64(len(from)), copyDefault)
}

// CopyOut copies from a device, and returns when it is done.
func (c *Compute) CopyOut(to []byte, from uint64) ErrorCode {
	return c.copyOut(&to[0], from, uint64(len(to)), copyDefault)
}

// CopyInAsync and CopyOutAsync queue a copy of memory that is not Go's.
func (c *Compute) CopyInAsync(to uint64, from []byte, stream uintptr) ErrorCode {
	return c.copyInAsync(to, &from[0], uint64(len(from)), copyDefault, stream)
}

// CopyOutAsync is described at CopyInAsync.
func (c *Compute) CopyOutAsync(to []byte, from uint64, stream uintptr) ErrorCode {
	return c.copyOutAsync(&to[0], from, uint64(len(to)), copyDefault, stream)
}

// CopyPeerAsync queues a copy between devices.
func (c *Compute) CopyPeerAsync(to uint64, toDevice int, from uint64, fromDevice, bytes int, stream uintptr) ErrorCode {
	return c.copyPeerAsync(to, int32(toDevice), from, int32(fromDevice), uint64(bytes), stream)
}

// Set fills memory with a byte.
func (c *Compute) Set(at uint64, value byte, bytes int) ErrorCode {
	return c.set(at, int32(value), uint64(bytes))
}

// EnablePeer lets the thread's device reach another's memory.
func (c *Compute) EnablePeer(peer int) ErrorCode {
	if s := c.enablePeer(int32(peer), 0); s != PeerAccessAlreadyEnabled {
		return s
	}
	return Success
}

// DeviceSync waits for all that was queued on the thread's device.
func (c *Compute) DeviceSync() ErrorCode { return c.deviceSync() }

// StreamCreate makes a stream that does not wait for the default one.
func (c *Compute) StreamCreate() (stream uintptr, s ErrorCode) {
	s = c.streamCreate(&stream, StreamNonBlocking)
	return stream, s
}

// StreamDestroy frees a stream.
func (c *Compute) StreamDestroy(stream uintptr) ErrorCode { return c.streamDestroy(stream) }

// StreamSync waits for a stream.
func (c *Compute) StreamSync(stream uintptr) ErrorCode { return c.streamSync(stream) }

// StreamWait makes what is queued on a stream from now on wait for an event.
func (c *Compute) StreamWait(stream, event uintptr) ErrorCode { return c.streamWait(stream, event, 0) }

// EventCreate makes an event that has a time.
func (c *Compute) EventCreate() (event uintptr, s ErrorCode) {
	s = c.eventCreate(&event, EventDefault)
	return event, s
}

// EventDestroy frees an event.
func (c *Compute) EventDestroy(event uintptr) ErrorCode { return c.eventDestroy(event) }

// EventRecord puts an event into a stream.
func (c *Compute) EventRecord(event, stream uintptr) ErrorCode { return c.eventRecord(event, stream) }

// EventSync waits for an event.
func (c *Compute) EventSync(event uintptr) ErrorCode { return c.eventSync(event) }

// EventElapsed is the time between two events, in milliseconds.
func (c *Compute) EventElapsed(start, stop uintptr) (milliseconds float32, s ErrorCode) {
	s = c.eventElapsed(&milliseconds, start, stop)
	return milliseconds, s
}

// ModuleLoad loads a code object onto the thread's device.
func (c *Compute) ModuleLoad(code []byte) (module uintptr, s ErrorCode) {
	s = c.moduleLoad(&module, &code[0])
	return module, s
}

// ModuleUnload undoes ModuleLoad.
func (c *Compute) ModuleUnload(module uintptr) ErrorCode { return c.moduleUnload(module) }

// ModuleFunction finds a kernel by its name.
func (c *Compute) ModuleFunction(module uintptr, name string) (function uintptr, s ErrorCode) {
	s = c.moduleFunction(&function, module, name)
	return function, s
}

// Markers of the list that hands a launch its arguments in one piece.
const (
	launchBuffer = 1
	launchSize   = 2
	launchEnd    = 3
)

// Launch queues a kernel: groups of threads, LDS in bytes, and the arguments as
// they lie in memory.
func (c *Compute) Launch(function uintptr, groups, threads, lds int, arguments []byte, stream uintptr) ErrorCode {
	size := uint64(len(arguments))
	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&size)
	pins.Pin(&arguments[0])
	list := &[5]uintptr{launchBuffer, uintptr(unsafe.Pointer(&arguments[0])), launchSize, uintptr(unsafe.Pointer(&size)), launchEnd}
	pins.Pin(list)
	return c.launch(function, uint32(groups), 1, 1, uint32(threads), 1, 1, uint32(lds), stream, nil, unsafe.Pointer(list))
}

// CaptureBegin makes a stream record what is queued on it instead of running it.
func (c *Compute) CaptureBegin(stream uintptr) ErrorCode {
	return c.captureBegin(stream, captureRelaxed)
}

// CaptureEnd ends it, and makes a graph that can be launched.
func (c *Compute) CaptureEnd(stream uintptr) (exec uintptr, s ErrorCode) {
	var graph uintptr
	if s = c.captureEnd(stream, &graph); s != Success {
		return 0, s
	}
	s = c.graphInstance(&exec, graph, 0)
	if d := c.graphDelete(graph); s == Success {
		s = d
	}
	return exec, s
}

// GraphLaunch queues a graph.
func (c *Compute) GraphLaunch(exec, stream uintptr) ErrorCode { return c.graphLaunch(exec, stream) }

// GraphDestroy frees a graph.
func (c *Compute) GraphDestroy(exec uintptr) ErrorCode { return c.graphExecDelete(exec) }
