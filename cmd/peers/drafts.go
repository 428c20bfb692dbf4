package main

import (
	"fmt"
	"strconv"
)

// drafts say how ceiling and llama-server speculate, alike: the other tools don't.
type drafts struct {
	Kind  string `json:"kind"` // in ceiling's words
	Model string `json:"draft_model,omitempty"`
	Max   int    `json:"draft_max,omitempty"`   // 0: llama.cpp's own
	Rates string `json:"synth_rates,omitempty"` // acceptance that is drawn, as both take it
}

// validate refuses what says half of it.
func (d *drafts) validate() error {
	if d.Kind == "" && (d.Model != "" || d.Max != 0 || d.Rates != "") {
		return fmt.Errorf("%w: --draft-model, --draft-max and --spec-synth-rates need --spec", errUsage)
	}
	if d.Max < 0 {
		return fmt.Errorf("%w: --draft-max %d", errUsage, d.Max)
	}
	return nil
}

// ceiling are the arguments of ceiling.
func (d *drafts) ceiling() []string {
	return d.args("--spec", d.Kind, "--draft-model", "--draft-max")
}

// server are those of llama-server.
func (d *drafts) server() []string {
	kind := d.Kind
	if kind == "draft" {
		kind = "draft-simple"
	}
	return d.args("--spec-type", kind, "--spec-draft-model", "--spec-draft-n-max")
}

func (d *drafts) args(option, kind, model, most string) []string {
	if d.Kind == "" {
		return nil
	}
	args := []string{option, kind}
	if d.Model != "" {
		args = append(args, model, d.Model)
	}
	if d.Max > 0 {
		args = append(args, most, strconv.Itoa(d.Max))
	}
	if d.Rates != "" {
		args = append(args, "--spec-synth-rates", d.Rates)
	}
	return args
}
