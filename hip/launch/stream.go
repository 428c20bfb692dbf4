package launch

import (
	"encoding/binary"
	"fmt"

	"ceiling/hip/internal/amdhip"
)

// Module is a code object on a device.
type Module struct {
	device *OpenDevice
	handle uintptr
}

// Load loads a code object, to be unloaded with the device.
func (d *OpenDevice) Load(code []byte) (*Module, error) {
	m := &Module{device: d}
	err := d.do("hipModuleLoadData", func(c *amdhip.Compute) (s amdhip.ErrorCode) {
		m.handle, s = c.ModuleLoad(code)
		return s
	})
	if err != nil {
		return nil, err
	}
	d.made("hipModuleUnload", func(c *amdhip.Compute) amdhip.ErrorCode { return c.ModuleUnload(m.handle) })
	return m, nil
}

// LoadedKernel is a kernel on a device.
type LoadedKernel struct {
	Name   string
	handle uintptr
}

// Kernel finds a kernel by its name.
func (m *Module) Kernel(name string) (k LoadedKernel, err error) {
	k.Name = name
	err = m.device.do("hipModuleGetFunction", func(c *amdhip.Compute) (s amdhip.ErrorCode) {
		k.handle, s = c.ModuleFunction(m.handle, name)
		return s
	})
	if err != nil {
		return k, fmt.Errorf("kernel %s: %w", name, err)
	}
	return k, nil
}

// Grid is the shape of a launch.
type Grid struct {
	Groups  int
	Threads int // of a group
}

// Stream is a queue of work on a device.
type Stream struct {
	device *OpenDevice
	handle uintptr
}

// NewStream makes a stream, to be freed with the device.
func (d *OpenDevice) NewStream() (*Stream, error) {
	s := &Stream{device: d}
	err := d.do("hipStreamCreateWithFlags", func(c *amdhip.Compute) (status amdhip.ErrorCode) {
		s.handle, status = c.StreamCreate()
		return status
	})
	if err != nil {
		return nil, err
	}
	d.made("hipStreamDestroy", func(c *amdhip.Compute) amdhip.ErrorCode { return c.StreamDestroy(s.handle) })
	return s, nil
}

// Launch queues a kernel with its arguments, made by Arguments.
func (s *Stream) Launch(k LoadedKernel, g Grid, arguments []byte) error {
	err := s.device.do("hipModuleLaunchKernel", func(c *amdhip.Compute) amdhip.ErrorCode {
		return c.Launch(k.handle, g.Groups, g.Threads, 0, arguments, s.handle)
	})
	if err != nil {
		return fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	return nil
}

// Arguments lays arguments out as a kernel finds them, each at a multiple of its
// size: buffers, uint64 and uint32. It panics for other types.
func Arguments(values ...any) []byte {
	le := binary.LittleEndian
	out := make([]byte, 0, 8*len(values)+8)
	wide := func(x uint64) {
		for len(out)%8 != 0 {
			out = append(out, 0)
		}
		out = le.AppendUint64(out, x)
	}
	for _, v := range values {
		switch v := v.(type) {
		case Buffer:
			wide(v.Address)
		case uint64:
			wide(v)
		case uint32:
			out = le.AppendUint32(out, v)
		default:
			panic(fmt.Sprintf("a kernel's argument of type %T", v))
		}
	}
	if len(out) == 0 {
		out = make([]byte, 8) // a launch names some bytes, also where the kernel takes none
	}
	return out
}

// Sync waits for all that was queued.
func (s *Stream) Sync() error {
	return s.device.do("hipStreamSynchronize", func(c *amdhip.Compute) amdhip.ErrorCode { return c.StreamSync(s.handle) })
}

// Wait makes what is queued from now on wait for an event, of whichever device.
func (s *Stream) Wait(e *StreamEvent) error {
	return s.device.do("hipStreamWaitEvent", func(c *amdhip.Compute) amdhip.ErrorCode { return c.StreamWait(s.handle, e.handle) })
}

// Upload queues a copy from the host.
func (s *Stream) Upload(to Buffer, from Host) error {
	to = to.Part(0, len(from))
	return s.device.do("hipMemcpyAsync", func(c *amdhip.Compute) amdhip.ErrorCode {
		return c.CopyInAsync(to.Address, from, s.handle)
	})
}

// Download queues a copy to the host.
func (s *Stream) Download(to Host, from Buffer) error {
	from = from.Part(0, len(to))
	return s.device.do("hipMemcpyAsync", func(c *amdhip.Compute) amdhip.ErrorCode {
		return c.CopyOutAsync(to, from.Address, s.handle)
	})
}

// Copy queues a copy between devices, by their copy engines.
func (s *Stream) Copy(to, from Buffer) error {
	to = to.Part(0, from.Bytes)
	return s.device.do("hipMemcpyPeerAsync", func(c *amdhip.Compute) amdhip.ErrorCode {
		return c.CopyPeerAsync(to.Address, to.device.Index, from.Address, from.device.Index, from.Bytes, s.handle)
	})
}

// StreamEvent is a moment in a stream.
type StreamEvent struct {
	device *OpenDevice
	handle uintptr
}

// NewEvent makes an event, to be freed with the device.
func (d *OpenDevice) NewEvent() (*StreamEvent, error) {
	e := &StreamEvent{device: d}
	err := d.do("hipEventCreateWithFlags", func(c *amdhip.Compute) (s amdhip.ErrorCode) {
		e.handle, s = c.EventCreate()
		return s
	})
	if err != nil {
		return nil, err
	}
	d.made("hipEventDestroy", func(c *amdhip.Compute) amdhip.ErrorCode { return c.EventDestroy(e.handle) })
	return e, nil
}

// Record puts the event at the end of a stream of its device.
func (e *StreamEvent) Record(s *Stream) error {
	return e.device.do("hipEventRecord", func(c *amdhip.Compute) amdhip.ErrorCode { return c.EventRecord(e.handle, s.handle) })
}

// Since is the time from another event of the device to this one, in seconds.
// It waits until both have happened.
func (e *StreamEvent) Since(start *StreamEvent) (seconds float64, err error) {
	err = e.device.do("hipEventSynchronize", func(c *amdhip.Compute) amdhip.ErrorCode { return c.EventSync(e.handle) })
	if err != nil {
		return 0, err
	}
	var ms float32
	err = e.device.do("hipEventElapsedTime", func(c *amdhip.Compute) (s amdhip.ErrorCode) {
		ms, s = c.EventElapsed(start.handle, e.handle)
		return s
	})
	return float64(ms) / 1e3, err
}

// Graph is work that was recorded, to be queued again as one.
type Graph struct {
	device *OpenDevice
	handle uintptr
}

// Capture records what record queues on the stream. The graph is freed with the
// device.
func (s *Stream) Capture(record func() error) (*Graph, error) {
	err := s.device.do("hipStreamBeginCapture", func(c *amdhip.Compute) amdhip.ErrorCode { return c.CaptureBegin(s.handle) })
	if err != nil {
		return nil, err
	}
	recorded := record()
	g := &Graph{device: s.device}
	err = s.device.do("hipStreamEndCapture", func(c *amdhip.Compute) (status amdhip.ErrorCode) {
		g.handle, status = c.CaptureEnd(s.handle)
		return status
	})
	if recorded != nil {
		return nil, recorded
	}
	if err != nil {
		return nil, err
	}
	s.device.made("hipGraphExecDestroy", func(c *amdhip.Compute) amdhip.ErrorCode { return c.GraphDestroy(g.handle) })
	return g, nil
}

// LaunchGraph queues a graph.
func (s *Stream) LaunchGraph(g *Graph) error {
	return s.device.do("hipGraphLaunch", func(c *amdhip.Compute) amdhip.ErrorCode { return c.GraphLaunch(g.handle, s.handle) })
}
