package gpu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ceiling/hip"
	"ceiling/hip/launch"
	"ceiling/kernels"
)

// Measure is Run on all cards of this machine that the probes are written for, with
// its power meters and cache. Where there are none, and no probe is asked for by
// name, it measures nothing; note is told of cards that are left out.
func Measure(ctx context.Context, o CardProbeOptions, note func(string)) ([]kernels.Measurement, error) {
	r, err := hip.OpenRuntime()
	if errors.Is(err, hip.ErrNoRuntime) || errors.Is(err, hip.ErrNoDevice) {
		if len(o.Only) > 0 {
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
		if arch, _, _ := strings.Cut(d.Arch, ":"); arch == Arch {
			list = append(list, d.Index)
		} else {
			note(fmt.Sprintf("%s (%s) is not measured: the probes are written for %s", d.Name, d.Arch, Arch))
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
	o.Cache, o.Power = kernelCache(), func(device int) (float64, bool) { return meters.Watts(devices[device].PCI) }
	found, err := Run(ctx, list, o)
	if errors.Is(err, launch.ErrNoCompiler) && len(o.Only) == 0 {
		note(fmt.Sprintf("the cards are not measured: %v", err))
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
