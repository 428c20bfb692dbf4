package llama

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"strings"
	"syscall"
	"unsafe"
)

// OpenLog appends the library's log to the file at path; "" discards it.
func OpenLog(path string) error {
	var p *C.char
	if path != "" {
		p = C.CString(path)
		defer C.free(unsafe.Pointer(p))
	}
	if errno := C.ceil_log_open(p); errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}

// ResetLogged forgets the lines that the library has logged.
func ResetLogged() { C.ceil_log_reset() }

// LoggedErrors returns the error lines logged since [ResetLogged].
func LoggedErrors() []string { return logged(C.CEIL_ERRORS) }

// LoggedWarnings returns the warning lines logged since [ResetLogged].
func LoggedWarnings() []string { return logged(C.CEIL_WARNINGS) }

// LoggedFacts returns the lines logged since [ResetLogged] that say where layers
// went and which way of computing the library has chosen.
func LoggedFacts() []string { return logged(C.CEIL_FACTS) }

func logged(kind C.enum_ceil_kind) []string {
	var buf [C.CEIL_KEPT_BYTES]C.char
	n := C.ceil_log_kept(kind, &buf[0], C.size_t(len(buf)))
	return strings.FieldsFunc(C.GoStringN(&buf[0], C.int(n)), func(r rune) bool { return r == '\n' })
}

// Captures is what back ends have said of captured graphs since the process
// began: how many were captured, and how many of those thrown away because the
// graph had changed. told is false where none has said a word.
func Captures() (captured, dropped uint64, told bool) {
	c := C.ceil_log_captures()
	return uint64(c.captured), uint64(c.dropped), bool(c.told)
}

// LogDebug logs a line as a back end does; for tests.
func LogDebug(line string) {
	p := C.CString(line)
	defer C.free(unsafe.Pointer(p))
	C.ceil_log_line(C.GGML_LOG_LEVEL_DEBUG, p, nil)
}
