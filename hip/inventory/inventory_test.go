package inventory

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/hip"
	"ceiling/internal/figure"
	"ceiling/internal/machine"
)

// Engine devices and cards meet by PCI address, virtual devices of one card
// as well; a card that no back end can use has no name.
func TestListDevices(t *testing.T) {
	m := hip.Read("../testdata/hive")
	devices := []ListedDevice{{PCI: "0000:83:00.0"}, {PCI: "0000:83:00.0"}, {PCI: "0000:e3:00.0"}, {}}
	for i, name := range []string{"ROCm0", "ROCm1", "ROCm2", "CPU"} {
		devices[i].Name = name
	}
	list := List(devices, m)
	var got []string
	for _, d := range list.Devices {
		pci := "none"
		if d.GPU != nil {
			pci = d.GPU.PCI
		}
		got = append(got, figure.OrMissing(d.Name)+" "+pci)
	}
	want := []string{"ROCm0 0000:83:00.0", "ROCm1 0000:83:00.0", "ROCm2 0000:e3:00.0", "CPU none", "— 0000:a3:00.0", "— 0000:c3:00.0"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("devices (-want +got):\n%s", d)
	}
	if got, want := list.nameOf(0), "ROCm0, ROCm1"; got != want {
		t.Errorf("the first card is %q, want %q", got, want)
	}
	list.NVIDIA = &hip.NVIDIA{Driver: "550.54.15", Cards: []hip.NVIDIACard{{Name: "NVIDIA H200", PCI: "0000:1b:00.0", VRAM: 140 << 30, MaxClockMHz: 1980}}}
	list.Devices = append(list.Devices, ListedDevice{DeviceInfo: machine.DeviceInfo{Name: "CUDA0", Type: "gpu"}, PCI: "0000:1b:00.0"})
	list.Runtime = &RuntimeListing{Version: "7.2.1", Path: "lib", Peers: []hip.Peer{{Access: true}, {}}}
	var b bytes.Buffer
	if err := list.Print(&b); err != nil {
		t.Fatal(err)
	}
	if want := "HIP runtime    7.2.1, lib, P2P access: 1 of 2 ordered pairs\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("printed %q, want the end %q", b.String(), want)
	}
	if want := regexp.MustCompile(`(?m)^NVIDIA H200 +0000:1b:00.0 +CUDA0 +140.0 GiB +1980 MHz +— +550.54.15$`); !want.MatchString(b.String()) {
		t.Errorf("printed %q, want %s", b.String(), want)
	}
}
