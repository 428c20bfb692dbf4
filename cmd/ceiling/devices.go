package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
	"ceiling/hip"
	"ceiling/hip/inventory"
)

func devicesCommand() *cli.Command {
	return &cli.Command{
		Name:  "devices",
		Usage: "list what a model can be loaded on, and the machine's GPUs with their links",
		Description: "The first table has the engine's devices and, with the name \"—\", AMD GPUs that no back end\n" +
			"of this build can use. What the engine does not tell comes from the kernel's sysfs, and where\n" +
			"ROCm is installed from its HIP runtime.",
		Flags:  append([]cli.Flag{jsonFlag(), sysrootFlag()}, rpcFlags()...),
		Before: refuseUnable,
		Action: underWatch(func(_ context.Context, c *cli.Command) error {
			if err := noArgs(c); err != nil {
				return err
			}
			if err := engine.Init(engine.LibraryOptions{RPC: c.StringSlice("rpc")}); err != nil {
				return err
			}
			for _, note := range engine.BackendNotes() {
				fmt.Fprintf(c.Root().ErrWriter, "note: %s\n", note)
			}
			devices := engine.Devices()
			entries := make([]inventory.ListedDevice, len(devices))
			for i, info := range deviceInfos(devices) {
				entries[i] = inventory.ListedDevice{DeviceInfo: info, PCI: cardID(devices[i])}
			}
			list := inventory.List(entries, hip.Read(c.String("sysroot")))
			if c.String("sysroot") == "/" {
				list.AddRuntime()
			}
			var note string
			if list.NVIDIA, note = hip.FindNVIDIA(c.String("sysroot")); note != "" {
				fmt.Fprintf(c.Root().ErrWriter, "note: %s\n", note)
			}
			defer list.NVIDIA.Close()
			if c.Bool("json") {
				return writeJSON(c.Root().Writer, list)
			}
			return list.Print(c.Root().Writer)
		}),
	}
}
