package hip

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Others on AMD's cards: those that hold memory, without this process, by
// whatever number the driver knows it.
func TestOthers(t *testing.T) {
	const self = 99
	for _, c := range []struct {
		name string
		vram map[string]string // by number of the process
		want []Process
	}{
		{"this process alone", map[string]string{"99": "5000"}, nil},
		{"one with memory, one without", map[string]string{"99": "5000", "4711": "7000", "12": "0"}, []Process{{4711, "python3", 7000}}},
		{"in a container, alone", map[string]string{"30099": "5000"}, nil},
		{"in a container, with another", map[string]string{"30099": "5000", "4711": "700"}, []Process{{4711, "outside this container", 700}}},
	} {
		root := t.TempDir()
		put(t, root, "proc/4711/comm", "python3\n")
		for pid, bytes := range c.vram {
			put(t, root, "sys/class/kfd/kfd/proc/"+pid+"/vram_42700", bytes+"\n")
		}
		got, known := Others(root, self)
		if d := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); d != "" || !known {
			t.Errorf("%s: known %v (-want +got):\n%s", c.name, known, d)
		}
	}
	if got, known := Others(t.TempDir(), self); got != nil || known {
		t.Errorf("a driver that lists nobody: %v, known %v", got, known)
	}
}
