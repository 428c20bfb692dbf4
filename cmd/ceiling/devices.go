package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
)

func devicesCommand() *cli.Command {
	return &cli.Command{
		Name:  "devices",
		Usage: "list what a model can be loaded on",
		Flags: []cli.Flag{jsonFlag(), rpcFlag()},
		Action: func(_ context.Context, c *cli.Command) error {
			if err := noArgs(c); err != nil {
				return err
			}
			if err := engine.Init(engine.Options{RPC: c.StringSlice("rpc")}); err != nil {
				return err
			}
			infos := deviceInfos(engine.Devices())
			if c.Bool("json") {
				return writeJSON(c.Root().Writer, infos)
			}
			w := tabwriter.NewWriter(c.Root().Writer, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tTYPE\tMEMORY\tFREE\tDESCRIPTION")
			for _, d := range infos {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.Name, d.Type, memory(d.MemoryTotal), memory(d.MemoryFree), d.Description)
			}
			return w.Flush()
		},
	}
}

// memory prints bytes in GiB; a back end that does not know reports 0.
func memory(n int64) string {
	if n <= 0 {
		return "—"
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
