package nvml

import (
	"reflect"
	"testing"
)

// The structures are as long as those of nvml.h, and what is read of them lies
// where it lies there.
func TestLayout(t *testing.T) {
	for _, tt := range []struct {
		of     any
		size   uintptr
		fields map[string]uintptr // offsets
	}{
		{pciInfo{}, 68, map[string]uintptr{"domain": 16, "bus": 20, "device": 24, "busID": 36}},
		{memory{}, 24, map[string]uintptr{"total": 0, "free": 8, "used": 16}},
		{process{}, 24, map[string]uintptr{"pid": 0, "memory": 8, "gpuInstanceID": 16, "computeInstanceID": 20}},
		{utilization{}, 8, map[string]uintptr{"gpu": 0, "memory": 4}},
	} {
		kind := reflect.TypeOf(tt.of)
		if kind.Size() != tt.size {
			t.Errorf("%s has %d bytes, want %d", kind.Name(), kind.Size(), tt.size)
		}
		for name, offset := range tt.fields {
			if f, ok := kind.FieldByName(name); !ok || f.Offset != offset {
				t.Errorf("%s.%s lies at %d, want %d", kind.Name(), name, f.Offset, offset)
			}
		}
	}
}
