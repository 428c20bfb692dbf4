// Package hiprtc binds AMD's run-time compiler, found at run time. It compiles
// for a card without one being there.
package hiprtc

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"ceiling/hip/internal/library"
)

// HIPRTC is a loaded compiler.
type HIPRTC struct {
	Path string

	version    func(major, minor *int32) int32
	create     func(program *uintptr, source, name string, headers int32, sources, names uintptr) int32
	compile    func(program uintptr, options int32, list unsafe.Pointer) int32
	logSize    func(program uintptr, bytes *uint64) int32
	log        func(program uintptr, text *byte) int32
	codeSize   func(program uintptr, bytes *uint64) int32
	code       func(program uintptr, code *byte) int32
	destroy    func(program *uintptr) int32
	resultName func(result int32) string
}

// Open loads the compiler at path, a file or a name for the loader's search.
func Open(path string) (*HIPRTC, error) {
	l := &HIPRTC{Path: path}
	_, err := library.Open(path, []library.Symbol{
		library.Required("hiprtcVersion", &l.version),
		library.Required("hiprtcCreateProgram", &l.create),
		library.Required("hiprtcCompileProgram", &l.compile),
		library.Required("hiprtcGetProgramLogSize", &l.logSize),
		library.Required("hiprtcGetProgramLog", &l.log),
		library.Required("hiprtcGetCodeSize", &l.codeSize),
		library.Required("hiprtcGetCode", &l.code),
		library.Required("hiprtcDestroyProgram", &l.destroy),
		library.Required("hiprtcGetErrorString", &l.resultName),
	}, "it is not hipRTC of ROCm 5 or later")
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Version is the compiler's own, "6.4".
func (l *HIPRTC) Version() (string, error) {
	var major, minor int32
	if r := l.version(&major, &minor); r != 0 {
		return "", l.failure("hiprtcVersion", r)
	}
	return fmt.Sprintf("%d.%d", major, minor), nil
}

// Compile compiles a source, whose name is for messages, and returns the code
// object and what the compiler said.
func (l *HIPRTC) Compile(source, name string, options []string) (code []byte, log string, err error) {
	var program uintptr
	if r := l.create(&program, source, name, 0, 0, 0); r != 0 {
		return nil, "", l.failure("hiprtcCreateProgram", r)
	}
	defer func() {
		if r := l.destroy(&program); r != 0 && err == nil {
			err = l.failure("hiprtcDestroyProgram", r)
		}
	}()
	result := l.build(program, options)
	log = l.text(program)
	if result != 0 {
		return nil, log, fmt.Errorf("%s: %w: %s", name, l.failure("hiprtcCompileProgram", result), strings.TrimSpace(log))
	}
	var size uint64
	if r := l.codeSize(program, &size); r != 0 || size == 0 {
		return nil, log, l.failure("hiprtcGetCodeSize", r)
	}
	code = make([]byte, size)
	if r := l.code(program, &code[0]); r != 0 {
		return nil, log, l.failure("hiprtcGetCode", r)
	}
	return code, log, nil
}

func (l *HIPRTC) build(program uintptr, options []string) int32 {
	var pins runtime.Pinner
	defer pins.Unpin()
	list := make([]*byte, len(options)+1)
	for i, o := range options {
		list[i] = unsafe.SliceData(append([]byte(o), 0))
		pins.Pin(list[i])
	}
	pins.Pin(&list[0])
	return l.compile(program, int32(len(options)), unsafe.Pointer(&list[0]))
}

func (l *HIPRTC) text(program uintptr) string {
	var size uint64
	if l.logSize(program, &size) != 0 || size < 2 {
		return ""
	}
	buf := make([]byte, size)
	if l.log(program, &buf[0]) != 0 {
		return ""
	}
	return strings.TrimRight(string(buf), "\x00")
}

func (l *HIPRTC) failure(call string, result int32) error {
	return fmt.Errorf("%s: %s (code %d) from %q", call, l.resultName(result), result, l.Path)
}
