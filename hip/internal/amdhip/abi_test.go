package amdhip

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestABI compares every number of the HIP interface that is written down
// here with what a C compiler made of the headers of five releases.
func TestABI(t *testing.T) {
	constants := map[string]int{
		"hipSuccess": int(Success), "hipErrorNoDevice": int(NoDevice), "hipErrorInvalidDevice": int(InvalidDevice), "hipErrorNotSupported": int(NotSupported),
		"hipDeviceAttributeClockRate": int(ClockRate), "hipDeviceAttributeL2CacheSize": int(L2CacheSize),
		"hipDeviceAttributeMemoryBusWidth": int(MemoryBusWidth), "hipDeviceAttributeMemoryClockRate": int(MemoryClockRate),
		"hipDeviceAttributeMultiprocessorCount": int(Multiprocessors), "hipDeviceAttributeWarpSize": int(WarpSize),
		"hipDeviceAttributeWallClockRate": int(WallClockRate),
	}
	files, err := filepath.Glob("../../testdata/hip-abi/*.txt")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	layouts := map[int]int{sizeR0600: archR0600, sizeR0000: archR0000}
	seen := map[int]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found, size := 0, 0
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) != 3 {
				continue
			}
			v, err := strconv.Atoi(f[2])
			if err != nil {
				t.Fatalf("%s: line %q", file, line)
			}
			switch want, ours := constants[f[1]]; {
			case f[0] == "sizeof":
				size = v
				seen[size] = true
			case f[1] == "gcnArchName":
				if layouts[size] != v {
					t.Errorf("%s: the architecture is at %d of %d bytes, we say %d", file, v, size, layouts[size])
				}
			case ours:
				found++
				if v != want {
					t.Errorf("%s: %s is %d, we say %d", file, f[1], v, want)
				}
			}
		}
		if found != len(constants) {
			t.Errorf("%s has %d of our %d constants", file, found, len(constants))
		}
	}
	if !seen[sizeR0600] || !seen[sizeR0000] {
		t.Errorf("layouts seen: %v, want both %d and %d", seen, sizeR0600, sizeR0000)
	}
}
