// Package gguf reads and writes GGUF, the model file of llama.cpp.
//
// A file is a header and a data section. The header holds key/value metadata
// and one description per tensor (name, type, dimensions, offset); the data
// section holds the tensors, each padded to the file's alignment.
//
//	Open   reads a header strictly: it allocates only for bytes that it has
//	       read, and refuses whatever the format forbids. Split models
//	       (name-00001-of-00003.gguf) are opened as one.
//	Check  adds what the format allows but llama.cpp v0.5.0 rejects or, worse,
//	       aborts the process on. A model that passes can be loaded without
//	       taking this process down with it.
//	Writer streams a file: metadata and tensor descriptions first, then the
//	       tensors' bytes in order. It appears under its name when complete.
//
// All integers in a file are little-endian.
package gguf
