// Preload is the library that `standin run` loads into a program: it takes the
// place of the amdgpu driver's device files, and hands what is asked of them to
// package card. It follows the kernel's public header linux/kfd_ioctl.h.
//
// From the environment: STANDIN_CARDS, "id:bytes" of each card, separated by
// commas; STANDIN_COUNTERS, a file for what kernels counted, a line of JSON each;
// STANDIN_FAULTS, faults that cards are to have, separated by commas, and
// STANDIN_FAULTS_WHEN, a file whose making brings them on.
package main

/*
#cgo CFLAGS: -Wall -Wno-unused-function -I${SRCDIR}/include
#cgo LDFLAGS: -ldl
#include <stdint.h>
#include <linux/kfd_ioctl.h>

// at is an address in the process that a structure holds as a number.
static void *at(uint64_t address) { return (void *)(uintptr_t)address; }
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"ceiling/hip/standin/card"
	"ceiling/hip/standin/cu"
)

func main() {}

// driver is made when a device is opened first: a program that never does has no
// cards. nil: another program has them.
var driver = sync.OnceValue(func() *card.Driver {
	o, err := options()
	var d *card.Driver
	if err == nil {
		err = lock()
	}
	if err == nil {
		d, err = card.New(o)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		fmt.Fprintln(os.Stderr, "standin: another program uses the cards; they serve one at a time, end it first")
		return nil
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "standin: %s\n", err)
		os.Exit(1) // the program would go on without the cards it was started for
	}
	return d
})

func options() (card.DriverOptions, error) {
	o := card.DriverOptions{Log: os.Stderr}
	for _, c := range strings.Split(os.Getenv("STANDIN_CARDS"), ",") {
		id, size, _ := strings.Cut(c, ":")
		n, err1 := strconv.ParseUint(id, 10, 32)
		bytes, err2 := strconv.ParseUint(size, 10, 64)
		if err1 != nil || err2 != nil {
			return o, fmt.Errorf("STANDIN_CARDS is %q: start programs with standin run", os.Getenv("STANDIN_CARDS"))
		}
		o.IDs, o.VRAM = append(o.IDs, uint32(n)), append(o.VRAM, bytes)
	}
	if path := os.Getenv("STANDIN_COUNTERS"); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return o, err
		}
		o.Counters = f
	}
	for text := range strings.FieldsFuncSeq(os.Getenv("STANDIN_FAULTS"), func(r rune) bool { return r == ',' }) {
		p, err := card.ParsePlanted(text)
		if err != nil {
			return o, err
		}
		o.Planted = append(o.Planted, p)
	}
	o.PlantedWhen = os.Getenv("STANDIN_FAULTS_WHEN")
	return o, nil
}

// lock takes the cards for this process until it ends: their memory is in it, so
// that another would see cards of its own.
func lock() error {
	fd, err := syscall.Open("/dev/kfd", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/dev/kfd: %w: start programs with standin run", err)
	}
	return syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
}

// standinFile is what an open device stands for; -1: another program has it.
//
//export standinFile
func standinFile() C.int {
	if d := driver(); d != nil {
		return C.int(d.File())
	}
	return -1
}

// standinIoctl is a call of /dev/kfd: its number, and its argument. It returns
// an error number.
//
//export standinIoctl
func standinIoctl(number C.ulong, argument unsafe.Pointer) C.int {
	f, ok := calls[number]
	if !ok {
		return C.int(syscall.EINVAL) // as a driver that is older than the call
	}
	var number2 syscall.Errno
	switch err := f(driver(), argument); {
	case err == nil:
		return 0
	case errors.As(err, &number2):
		return C.int(number2)
	default:
		fmt.Fprintf(os.Stderr, "standin: driver call %#x: %s\n", uint(number), err)
		return C.int(syscall.EINVAL)
	}
}

// calls are those of linux/kfd_ioctl.h that runtimes make, by number.
var calls = map[C.ulong]func(d *card.Driver, p unsafe.Pointer) error{
	0x01: version,
	0x02: createQueue,
	0x03: destroyQueue,
	0x04: ignored, // memory policy
	0x05: clockCounters,
	0x07: ignored, // update queue
	0x08: createEvent,
	0x09: destroyEvent,
	0x0a: setEvent,
	0x0b: resetEvent,
	0x0c: waitEvents,
	0x11: ignored, // scratch backing: scratch is the emulator's own
	0x12: tileConfig,
	0x13: ignored, // trap handler
	0x14: apertures,
	0x15: ignored, // acquire VM
	0x16: alloc,
	0x17: free,
	0x18: mapMemory,
	0x19: unmapMemory,
	0x1a: ignored, // CU mask
	0x21: xnack,
	0x23: available,
	0x24: export,
	0x25: runtimeEnable,
}

func ignored(*card.Driver, unsafe.Pointer) error { return nil }

func version(_ *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_get_version_args)(p)
	a.major_version, a.minor_version = 1, 14 // the first with ages of events
	return nil
}

func createQueue(d *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_create_queue_args)(p)
	id, door, err := d.CreateQueue(card.QueueSpec{
		ID: uint32(a.gpu_id), AQL: a.queue_type == C.KFD_IOC_QUEUE_TYPE_COMPUTE_AQL,
		Ring: uint64(a.ring_base_address), Size: uint64(a.ring_size),
		Read: uint64(a.read_pointer_address), Write: uint64(a.write_pointer_address),
	})
	a.queue_id, a.doorbell_offset = C.__u32(id), C.__u64(door)
	return err
}

func destroyQueue(d *card.Driver, p unsafe.Pointer) error {
	return d.DestroyQueue(uint32((*C.struct_kfd_ioctl_destroy_queue_args)(p).queue_id))
}

func clockCounters(_ *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_get_clock_counters_args)(p)
	ticks := card.Clock()
	a.gpu_clock_counter = C.__u64(ticks)
	a.cpu_clock_counter = C.__u64(ticks * (1e9 / card.ClockHz))
	a.system_clock_counter, a.system_clock_freq = a.cpu_clock_counter, 1e9
	return nil
}

func createEvent(d *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_create_event_args)(p)
	id := C.__u32(d.CreateEvent(uint32(a.event_type), a.auto_reset != 0))
	a.event_id, a.event_trigger_data, a.event_slot_index = id, id, id
	return nil
}

func destroyEvent(d *card.Driver, p unsafe.Pointer) error {
	return d.DestroyEvent(uint32((*C.struct_kfd_ioctl_destroy_event_args)(p).event_id))
}

func setEvent(d *card.Driver, p unsafe.Pointer) error {
	return d.SetEvent(uint32((*C.struct_kfd_ioctl_set_event_args)(p).event_id))
}

func resetEvent(d *card.Driver, p unsafe.Pointer) error {
	return d.ResetEvent(uint32((*C.struct_kfd_ioctl_reset_event_args)(p).event_id))
}

// waitEvents waits. The union of an event's data begins with its age for
// signals, and is a description of the fault for memory exceptions.
func waitEvents(d *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_wait_events_args)(p)
	data := unsafe.Slice((*C.struct_kfd_event_data)(C.at(C.uint64_t(a.events_ptr))), int(a.num_events))
	list := make([]card.Waited, len(data))
	for i := range data {
		list[i] = card.Waited{ID: uint32(data[i].event_id), Age: *(*uint64)(unsafe.Pointer(&data[i]))}
	}
	timeout := card.Forever
	if a.timeout != 0xffffffff {
		timeout = time.Duration(a.timeout) * time.Millisecond
	}
	ok, err := d.Wait(list, a.wait_for_all != 0, timeout)
	for i, w := range list {
		switch {
		case !w.Happened:
		case w.Kind == card.MemoryEvent:
			fault := (*C.struct_kfd_hsa_memory_exception_data)(unsafe.Pointer(&data[i]))
			fault.gpu_id = C.__u32(w.FaultCard)
			fault.failure.NotPresent = 1
		case w.Kind == card.ResetEvent:
			reset := (*C.struct_kfd_hsa_hw_exception_data)(unsafe.Pointer(&data[i]))
			*reset = C.struct_kfd_hsa_hw_exception_data{memory_lost: 1, gpu_id: C.__u32(w.FaultCard)}
		case w.Kind == card.SignalEvent && list[i].Age != 0:
			*(*uint64)(unsafe.Pointer(&data[i])) = w.Age
		}
	}
	a.wait_result = C.KFD_IOC_WAIT_RESULT_TIMEOUT
	if ok {
		a.wait_result = C.KFD_IOC_WAIT_RESULT_COMPLETE
	}
	return err
}

func tileConfig(_ *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_get_tile_config_args)(p)
	a.gb_addr_config, a.num_tile_configs, a.num_macro_tile_configs = 0x26010042, 0, 0
	return nil
}

func apertures(d *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_get_process_apertures_new_args)(p)
	ids := d.IDs()
	n := min(len(ids), int(a.num_of_nodes))
	list := unsafe.Slice((*C.struct_kfd_process_device_apertures)(C.at(C.uint64_t(a.kfd_process_device_apertures_ptr))), n)
	for i := range list {
		list[i] = C.struct_kfd_process_device_apertures{
			gpu_id:   C.__u32(ids[i]),
			lds_base: cu.SharedAperture, lds_limit: cu.SharedAperture | 0xffffffff,
			scratch_base: cu.PrivateAperture, scratch_limit: cu.PrivateAperture | 0xffffffff,
			gpuvm_base: 0x4000, gpuvm_limit: 1<<47 - 1,
		}
	}
	a.num_of_nodes = C.__u32(len(ids))
	return nil
}

func alloc(d *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_alloc_memory_of_gpu_args)(p)
	var user []byte
	if a.flags&C.KFD_IOC_ALLOC_MEM_FLAGS_USERPTR != 0 {
		user = unsafe.Slice((*byte)(C.at(C.uint64_t(a.mmap_offset))), int(a.size))
	}
	handle, offset, err := d.Alloc(uint32(a.gpu_id), uint64(a.va_addr), uint64(a.size), uint32(a.flags), user)
	if err != nil {
		return err
	}
	a.handle = C.__u64(handle)
	if user == nil {
		a.mmap_offset = C.__u64(offset)
	}
	return nil
}

func free(d *card.Driver, p unsafe.Pointer) error {
	return d.Free(uint64((*C.struct_kfd_ioctl_free_memory_of_gpu_args)(p).handle))
}

// ids are the cards that a call names.
func ids(address C.__u64, n C.__u32) []uint32 {
	return unsafe.Slice((*uint32)(C.at(C.uint64_t(address))), int(n))
}

func mapMemory(d *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_map_memory_to_gpu_args)(p)
	a.n_success = a.n_devices
	return d.Map(uint64(a.handle), ids(a.device_ids_array_ptr, a.n_devices), true)
}

func unmapMemory(d *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_unmap_memory_from_gpu_args)(p)
	a.n_success = a.n_devices
	return d.Map(uint64(a.handle), ids(a.device_ids_array_ptr, a.n_devices), false)
}

// xnack: the cards do not retry page faults, and can't be made to.
func xnack(_ *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_set_xnack_mode_args)(p)
	if a.xnack_enabled > 0 {
		return syscall.EPERM
	}
	a.xnack_enabled = 0
	return nil
}

func available(d *card.Driver, p unsafe.Pointer) error {
	a := (*C.struct_kfd_ioctl_get_available_memory_args)(p)
	n, err := d.Available(uint32(a.gpu_id))
	a.available = C.__u64(n)
	return err
}

// export makes a file of an allocation, which runtimes do for a handle that
// another process could open. None can: the cards serve one at a time. The header
// has the structure from kernel 6.3 on.
func export(d *card.Driver, p unsafe.Pointer) error {
	type arguments struct {
		handle      uint64
		flags, file uint32
	}
	a := (*arguments)(p)
	fd, err := d.Export(a.handle)
	a.file = uint32(fd)
	return err
}

// runtimeEnable tells a debugger's mode; there is none. The header has the
// structure from kernel 6.5 on.
func runtimeEnable(_ *card.Driver, p unsafe.Pointer) error {
	type arguments struct {
		_               uint64
		_, capabilities uint32
	}
	(*arguments)(p).capabilities = 0
	return nil
}
