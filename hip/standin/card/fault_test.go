package card

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// withFaults are two cards with faults that come once the file is there.
func withFaults(t *testing.T, log *safeBuffer, faults ...Planted) (d *Driver, when string) {
	t.Helper()
	when = filepath.Join(t.TempDir(), "now")
	d, err := New(DriverOptions{IDs: []uint32{11, 22}, VRAM: []uint64{1 << 20, 1 << 20}, Log: log, Planted: faults, PlantedWhen: when})
	if err != nil {
		t.Fatal(err)
	}
	giveMemory(t, d)
	return d, when
}

func makeFile(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// happens waits for an event of a kind after a kernel was launched.
func happens(t *testing.T, d *Driver, kind uint32) bool {
	t.Helper()
	list := []Waited{{ID: d.CreateEvent(kind, true)}}
	putKernel(d, dataAt+64)
	q := queueOf(t, d, 11)
	launch(d, 0)
	ok, err := d.Wait(list, false, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.DestroyQueue(q); err != nil {
		t.Fatal(err)
	}
	return ok && list[0].FaultCard == 11
}

func TestPlantedStray(t *testing.T) {
	var log safeBuffer
	d, when := withFaults(t, &log, Planted{Kind: Stray})
	makeFile(t, when)
	if !happens(t, d, MemoryEvent) || !strings.Contains(log.String(), "s_load_dwordx2") {
		t.Errorf("log: %s", log.String())
	}
}

func TestPlantedVanish(t *testing.T) {
	var log safeBuffer
	d, when := withFaults(t, &log, Planted{Kind: Vanish})
	if _, err := d.Available(11); err != nil {
		t.Errorf("before its time: %v", err)
	}
	makeFile(t, when)
	if !happens(t, d, ResetEvent) {
		t.Errorf("log: %s", log.String())
	}
	if _, _, err := d.Alloc(11, 0xa00000, 4096, VRAM, nil); !errors.Is(err, unix.ENODEV) {
		t.Errorf("memory of a card that is gone: %v", err)
	}
	if _, _, err := d.Alloc(22, 0xa00000, 4096, VRAM, nil); err != nil {
		t.Errorf("memory of the other: %v", err)
	}
	if le.Uint32(d.shared(dataAt+64+4, 4)) != 0 {
		t.Error("a card that is gone went on computing")
	}
}

// A kernel that hangs does not signal, and its queue can be destroyed.
func TestPlantedHang(t *testing.T) {
	var log safeBuffer
	d, when := withFaults(t, &log, Planted{Kind: Hang})
	makeFile(t, when)
	putKernel(d, dataAt+64)
	s := d.shared(signalAt, signalBytes)
	le.PutUint64(s[signalValue:], 1)
	q := queueOf(t, d, 11)
	launch(d, 0)
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(log.String(), "hangs") && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if err := d.DestroyQueue(q); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "card 0") || le.Uint64(s[signalValue:]) != 1 || le.Uint32(d.shared(dataAt+64+4, 4)) != 0 {
		t.Errorf("signal %d, log: %s", le.Uint64(s[signalValue:]), log.String())
	}
}

// Of a card that gives less than it says, the rest can't be had.
func TestPlantedShort(t *testing.T) {
	d, _ := withFaults(t, &safeBuffer{}, Planted{Kind: Short, Card: 1, Bytes: 512 << 10})
	if n, err := d.Available(22); err != nil || n != 1<<20 {
		t.Errorf("%d available, %v", n, err)
	}
	if _, _, err := d.Alloc(22, 0xa00000, 700<<10, VRAM, nil); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("more than it gives: %v", err)
	}
	if _, _, err := d.Alloc(11, 0xa00000, 700<<10, VRAM, nil); err != nil {
		t.Errorf("on the other: %v", err)
	}
}

func TestParsePlanted(t *testing.T) {
	for text, want := range map[string]Planted{
		"vanish:2": {Kind: Vanish, Card: 2}, "stray:0": {Kind: Stray}, "hang:3": {Kind: Hang, Card: 3},
		"short:1:65536": {Kind: Short, Card: 1, Bytes: 65536},
	} {
		if got, err := ParsePlanted(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "vanish", "vanish:x", "vanish:-1", "vanish:1:2", "short:1", "short:1:-5", "melt:1"} {
		if got, err := ParsePlanted(text); err == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
	if _, err := New(DriverOptions{IDs: []uint32{11}, VRAM: []uint64{1}, Planted: []Planted{{Kind: Hang, Card: 1}}}); err == nil {
		t.Error("a fault of a card that is not there")
	}
}
