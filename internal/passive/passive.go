// Package passive is for tests that compute: with the cores shared, threads of
// two engines that wait for one another would spin on the cores that the
// others need.
package passive

import (
	"fmt"
	"os"
	"syscall"
)

// variable is OpenMP's own switch. The library reads it when it is loaded,
// which is before Go runs.
const variable = "OMP_WAIT_POLICY"

// Reexec starts the program anew with waiting threads asleep, and returns only
// where it runs so already, or as the caller of the tests has set it.
func Reexec() {
	if os.Getenv(variable) != "" {
		return
	}
	err := syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), variable+"=passive"))
	panic(fmt.Sprintf("starting the tests anew with %s: %v", variable, err))
}
