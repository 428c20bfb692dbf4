package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ceiling/hip"
	"ceiling/hip/launch"
	"ceiling/kernels"
	"ceiling/kernels/cpu"
	"ceiling/kernels/gpu"
)

// measureCards runs the probes of AMD cards where there are cards that they are
// written for, and says why not where there are others. only are names of these
// probes.
func measureCards(ctx context.Context, quick bool, only []string, show *progress) ([]kernels.Measurement, error) {
	r, err := hip.OpenRuntime()
	if errors.Is(err, hip.ErrNoRuntime) || errors.Is(err, hip.ErrNoDevice) {
		if len(only) > 0 {
			return nil, err
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	devices, err := r.Devices()
	if err != nil {
		return nil, err
	}
	var list []int
	for _, d := range devices {
		if arch, _, _ := strings.Cut(d.Arch, ":"); arch == gpu.Arch {
			list = append(list, d.Index)
		} else {
			show.line("note: %s (%s) is not measured: the probes are written for %s", d.Name, d.Arch, gpu.Arch)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	meters, err := hip.OpenPowerMeters("/", hip.Read("/"))
	if err != nil {
		return nil, err
	}
	defer meters.Close()
	found, err := gpu.Run(ctx, list, gpu.CardProbeOptions{Only: only, Quick: quick, Cache: kernelCache(),
		Power: func(device int) (float64, bool) { return meters.Watts(devices[device].PCI) },
		Progress: func(probe, variant string, devices []int) {
			show.line("measuring %s", strings.TrimSpace(probe+" "+variant+devicesText(devices)))
		}})
	if errors.Is(err, launch.ErrNoCompiler) && len(only) == 0 {
		show.line("note: the cards are not measured: %v", err)
		return nil, nil
	}
	return found, err
}

// kernelCache is where compiled probes are kept; "" where there is no place.
func kernelCache() string {
	root := os.Getenv("CEILING_CACHE")
	if root == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		root = filepath.Join(user, "ceiling")
	}
	return filepath.Join(root, "kernels")
}

// splitProbes sorts names of probes into those of the CPU and those of cards, which
// may be given by the first part of their names.
func splitProbes(names []string) (ofCPU, ofCards []string) {
	for _, name := range names {
		if slices.Contains(cpu.Probes(), name) {
			ofCPU = append(ofCPU, name)
		} else {
			ofCards = append(ofCards, name)
		}
	}
	return ofCPU, ofCards
}

// devicesText says which cards a measurement is of; "" for the CPU.
func devicesText(devices []int) string {
	switch len(devices) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" (card %d)", devices[0])
	}
	return fmt.Sprintf(" (cards %s at once)", strings.Trim(fmt.Sprint(devices), "[]"))
}
