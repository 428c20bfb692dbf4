package gguf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// Hash is the SHA-256 of the files' bytes, one after the other, in hex. progress is
// called with bytes.
func Hash(ctx context.Context, paths []string, progress func(done, total int64)) (string, error) {
	var total int64
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			total += info.Size()
		}
	}
	sum := sha256.New()
	var done int64
	buf := make([]byte, 1<<20)
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return "", err
		}
		for err == nil {
			var n int
			n, err = f.Read(buf)
			sum.Write(buf[:n])
			done += int64(n)
			progress(done, total)
			if ctx.Err() != nil {
				f.Close()
				return "", ctx.Err()
			}
		}
		f.Close()
		if err != io.EOF {
			return "", fmt.Errorf("model %q: %w", p, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
