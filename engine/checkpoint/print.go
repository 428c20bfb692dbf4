package checkpoint

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"ceiling/internal/figure"
)

// reportJSON is a Report in JSON.
type reportJSON struct {
	Path       string          `json:"path"`
	Bytes      int64           `json:"size_bytes"`
	Checkpoint string          `json:"checkpoint"`
	Format     string          `json:"format"`
	BytesRead  int64           `json:"bytes_read"`
	Parameters int64           `json:"parameters"`
	Types      []convertedType `json:"types"`
	Exact      bool            `json:"exact"`
	// Rounded scales, and the largest relative error among them; null: none.
	Rounded       int64    `json:"rounded_scales"`
	LargestError  *float64 `json:"largest_relative_error"`
	WorstTensor   string   `json:"largest_error_tensor,omitempty"`
	EmbeddingErr  *float64 `json:"embedding_error"` // largest absolute one; null: exact
	SmallScales   int64    `json:"subnormal_scales"`
	Seconds       float64  `json:"seconds"`
	ScanS         float64  `json:"scan_s"`
	ConvertS      float64  `json:"convert_s"`
	VerifyS       *float64 `json:"verify_s"` // null: not verified
	MBPerSecond   float64  `json:"mb_per_s"`
	VerifiedRows  *int64   `json:"verified_rows"`
	VerifiedCount *int     `json:"verified_tensors"`
	Warnings      []string `json:"warnings"`
}

// convertedType sums up the tensors of one type.
type convertedType struct {
	Type    string `json:"type"`
	Tensors int    `json:"tensors"`
	Bytes   int64  `json:"bytes"`
}

// MarshalJSON writes times in seconds, and null for what was not measured or did
// not happen.
func (r *Report) MarshalJSON() ([]byte, error) {
	out := reportJSON{Path: r.Path, Bytes: r.Bytes, Checkpoint: r.Checkpoint, Format: r.Format, BytesRead: r.BytesRead,
		Parameters: r.Parameters, Exact: r.Exact(), Rounded: r.Rounded, WorstTensor: r.LargestErrorTensor,
		SmallScales: r.SmallScales, Seconds: r.Seconds, ScanS: r.ScanSeconds, ConvertS: r.ConvertSeconds,
		MBPerSecond: r.MBPerSecond(), Warnings: append([]string{}, r.Warnings...)}
	for _, t := range r.Types {
		out.Types = append(out.Types, convertedType{t.Type.String(), t.Tensors, t.Bytes})
	}
	if r.Rounded > 0 {
		out.LargestError = &r.LargestError
	}
	if r.EmbeddingError > 0 {
		out.EmbeddingErr = &r.EmbeddingError
	}
	if r.Verified != nil {
		out.VerifiedRows, out.VerifiedCount, out.VerifyS = &r.Verified.Rows, &r.Verified.Tensors, &r.VerifySeconds
	}
	return json.Marshal(out)
}

// Exact tells whether the file holds the checkpoint's own numbers.
func (r *Report) Exact() bool { return r.Rounded == 0 && r.EmbeddingError == 0 }

// Print writes the report as text.
func (r *Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	tensors := 0
	for _, t := range r.Types {
		tensors += t.Tensors
	}
	fmt.Fprintf(w, "%s: %d tensors, %s parameters, %.2f GB at %.0f MB/s; %.1f s with everything\n",
		r.Path, tensors, figure.Grouped(r.Parameters), float64(r.Bytes)/1e9, r.MBPerSecond(), r.Seconds)
	fmt.Fprintf(w, "from\t%s (%s)\n", r.Checkpoint, r.Format)
	for _, t := range r.Types {
		fmt.Fprintf(w, "%s\t%d tensors, %s bytes\n", t.Type, t.Tensors, figure.Grouped(t.Bytes))
	}
	switch {
	case r.Exact():
		fmt.Fprintf(w, "rounding\tnone, every weight is the checkpoint's own number\n")
	case r.Rounded > 0:
		fmt.Fprintf(w, "rounding\t%s scales, by %.3g of their value at most, in %s\n", figure.Grouped(r.Rounded), r.LargestError, r.LargestErrorTensor)
	}
	if r.EmbeddingError > 0 {
		fmt.Fprintf(w, "embeddings\tconverted on request, off by %.3g at most\n", r.EmbeddingError)
	}
	if v := r.Verified; v != nil {
		fmt.Fprintf(w, "verified\t%s rows of all %d tensors against the checkpoint\n", figure.Grouped(v.Rows), v.Tensors)
	} else {
		fmt.Fprintf(w, "verified\tno (--no-verify)\n")
	}
	return w.Flush()
}
