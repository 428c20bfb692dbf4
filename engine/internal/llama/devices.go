package llama

// #include <stdlib.h>
// #include "shim.h"
import "C"

import "unsafe"

// Devices lists the devices of all loaded back ends.
func Devices() []NativeDevice {
	out := make([]NativeDevice, int(C.ceil_device_count()))
	for i := range out {
		var d C.struct_ceil_device
		C.ceil_device_at(C.size_t(i), &d)
		out[i] = NativeDevice{
			Name: C.GoString(&d.name[0]), Description: C.GoString(&d.description[0]), ID: C.GoString(&d.id[0]),
			Backend: C.GoString(&d.backend[0]), Type: int(d._type), SplitRows: bool(d.split_rows),
			MemoryFree: uint64(d.memory_free), MemoryTotal: uint64(d.memory_total),
		}
	}
	return out
}

// Backends lists the loaded back ends.
func Backends() []Backend {
	var out []Backend
	var buf [128]C.char
	for i := C.size_t(0); bool(C.ceil_backend_name(i, &buf[0], C.size_t(len(buf)))); i++ {
		out = append(out, Backend{C.GoString(&buf[0]), int(C.ceil_backend_devices(i))})
	}
	return out
}

// LibraryFault returns why the shared library at path can't be loaded, or "".
func LibraryFault(path string) string {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	var buf [1024]C.char
	if !C.ceil_library_fault(p, &buf[0], C.size_t(len(buf))) {
		return ""
	}
	return C.GoString(&buf[0])
}

// AddRPC registers the devices of the ggml-rpc-server at host:port.
func AddRPC(endpoint string) bool {
	p := C.CString(endpoint)
	defer C.free(unsafe.Pointer(p))
	return bool(C.ceil_add_rpc(p))
}
