// Package synth writes models without training or a download: a GGUF file with
// the exact geometry, metadata and tokenizer keys of a real model, and random
// weights.
//
// Such a file runs as fast as the real one, since the time of a step depends
// on the shapes and storage types of the tensors and on the attention's
// positions, never on the values. Its text is meaningless. The weights are
// scaled so that hidden states keep their size at any depth and the next token
// depends on the ones before.
//
//	g, err := synth.Find("devstral-small-2-24b")   // or "demo", or a JSON file
//	stats, err := synth.Write(ctx, synth.FileOptions{Geometry: g, Type: "q4_0", Out: "model.gguf"})
//
// The same geometry, type and seed give the same bytes, on any machine and
// with any number of threads.
package synth
