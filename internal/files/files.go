// Package files tells what stands at a path.
package files

import "os"

// Exists tells whether anything stands at path that can be looked at.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// IsDir tells whether path is a folder, or leads to one.
func IsDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
