package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
)

// version is set by the linker.
var version = "devel"

// engineBuild is engine.json, which the native build leaves beside the
// libraries.
type engineBuild struct {
	Release         string   `json:"release"`
	Tree            string   `json:"tree"`
	TreeState       string   `json:"tree_state"` // "pinned", or that LLAMA_CPP_DIR was used
	Preset          string   `json:"preset"`
	BuildType       string   `json:"build_type"`
	Compiler        string   `json:"compiler"`
	Target          string   `json:"target"`
	Flags           string   `json:"flags"`
	Toolkit         string   `json:"toolkit"` // "HIP 6.4.43482", "CUDA 13.5"
	GPUTargets      []string `json:"gpu_targets"`
	Collectives     string   `json:"collectives"` // "rccl 2.22", "nccl", "none"
	InstructionSets []string `json:"instruction_sets"`
	Off             []string `json:"instruction_sets_off"`
	Options         []string `json:"options"`
}

// readEngineBuild reads engine.json from the folder of the libraries in use.
// Without it the report says that the build is unknown.
func readEngineBuild() engineBuild {
	b := engineBuild{Release: engine.Version(), TreeState: "unknown: engine.json is not beside the libraries"}
	text, err := os.ReadFile(filepath.Join(engine.LibraryDir(), "engine.json"))
	if err != nil {
		return b
	}
	if err := json.Unmarshal(text, &b); err != nil {
		b.TreeState = "unknown: engine.json does not parse"
	}
	return b
}

// String is the build in one line of the report.
func (b engineBuild) String() string {
	var parts []string
	for _, s := range []string{b.Preset, b.BuildType, b.Compiler, b.Flags} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the versions of ceiling, Go and the engine",
		Flags: []cli.Flag{jsonFlag()},
		Action: func(_ context.Context, c *cli.Command) error {
			if err := noArgs(c); err != nil {
				return err
			}
			if err := engine.Init(engine.Options{}); err != nil {
				return err
			}
			b := readEngineBuild()
			if c.Bool("json") {
				return writeJSON(c.Root().Writer, map[string]any{
					"ceiling": version, "go": runtime.Version(), "engine": b, "backends": engine.Backends()})
			}
			w := c.Root().Writer
			fmt.Fprintf(w, "ceiling    %s, %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			fmt.Fprintf(w, "llama.cpp  %s, tree %s (%s)\n", b.Release, b.Tree, b.TreeState)
			fmt.Fprintf(w, "build      %s\n", b)
			fmt.Fprintf(w, "backends   %s\n", strings.Join(engine.Backends(), ", "))
			return nil
		},
	}
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON on stdout"}
}
