package gpu

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed src
var embedded embed.FS

// sources are the probes' HIP sources: each file is a code object of its own,
// since a large one makes launches slower.
func sources() fs.FS {
	sub, err := fs.Sub(embedded, "src")
	if err != nil {
		panic(err) // the name above is wrong
	}
	return sub
}

// source is a file of files with what all share before it.
func source(files fs.FS, name string) (string, error) {
	common, err := fs.ReadFile(files, "common.h")
	if err != nil {
		return "", err
	}
	own, err := fs.ReadFile(files, name+".hip")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("#line 1 \"common.h\"\n%s#line 1 \"%s.hip\"\n%s", common, name, own), nil
}
