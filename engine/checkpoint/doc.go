// Package checkpoint turns a quantised Hugging Face checkpoint into a GGUF file that
// holds the checkpoint's own codes and scales, not a second quantisation.
//
//	c, err := checkpoint.Open(dir, checkpoint.OpenOptions{})  // headers and config only
//	plan, err := c.Plan(ctx, checkpoint.ConvertOptions{})     // what each tensor becomes
//	report, err := checkpoint.Convert(ctx, c, "model.gguf", checkpoint.ConvertOptions{Verify: true})
//
// Every format that is read (compressed-tensors pack-quantized, AutoAWQ GEMM
// and GEMV, GPTQ v1 and v2) stores unsigned codes u, zero points z and scales
// s, and means
//
//	W[o,i] = (u[o,i] - z[o,g]) · s[o,g]     g = i / group size
//
// for output o and input i. A matrix becomes the first of these that holds all
// its values exactly, in blocks of 32 inputs with a scale d in float16:
//
//	Q4_0  (n-8)·d    n = u-z+8, where that is 0 to 15 everywhere
//	Q4_1  n·d + m    n = u, m = -z·s, where float16 holds every z·s
//	Q5_0  (n-16)·d   n = u-z+16
//	Q8_0  n·d        n = u-128, for 8-bit codes with z = 128
//
// What remains inexact is a scale that float16 can't hold. Such a checkpoint is
// refused with the tensor's name, or rounded where ConvertOptions.AllowRounding says
// so. Matrices and vectors that are not quantised keep their type, but
// normalisation weights and biases are widened to F32.
//
// The rows of attn_q and attn_k change places inside every head: llama.cpp
// rotates neighbouring elements of a head, Hugging Face's models element i with
// element i + half a head.
//
// Convert streams: it holds a bounded number of tiles of tensors, about 400 MB
// at most whatever the model and the machine. With ConvertOptions.Verify its output
// is checked before it gets its name.
package checkpoint
