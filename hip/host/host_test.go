package host

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"ceiling/internal/cgroup"
	"ceiling/internal/machine"
)

// fakeRoot builds a root from path → content.
func fakeRoot(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, content := range files {
		m[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return m
}

const (
	threadripperCPU = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD Ryzen Threadripper PRO 3945WX 12-Cores\nflags\t\t: fpu sse avx2\n\n" +
		"processor\t: 1\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD Ryzen Threadripper PRO 3945WX 12-Cores\nflags\t\t: fpu sse avx2\n\n"
	virtualCPU = "processor : 0\nvendor_id : GenuineIntel\nmodel name : Intel(R) Xeon(R) Processor @ 2.60GHz\nflags : fpu hypervisor avx512f\n\n" +
		"processor : 1\nvendor_id : GenuineIntel\nmodel name : Intel(R) Xeon(R) Processor @ 2.60GHz\nflags : fpu hypervisor avx512f\n"
	piCPU = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n\n" +
		"processor\t: 1\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n\n" +
		"Revision\t: d04170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n"
	meminfo = "MemTotal:       263825000 kB\nMemFree:         1000000 kB\n"
)

// machines are trees as different machines show them.
var machines = []struct {
	name         string
	files        map[string]string
	want         machine.System
	wantWarnings []string
}{
	{
		// The reference's own machine, as far as the kernel tells it.
		name: "workstation",
		files: map[string]string{
			"etc/os-release":                      "NAME=\"Ubuntu\"\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\n",
			"proc/sys/kernel/osrelease":           "6.8.0-87-generic\n",
			"proc/cpuinfo":                        threadripperCPU,
			"proc/meminfo":                        meminfo,
			"proc/self/status":                    "Name:\tx\nCpus_allowed:\tffffff\nCpus_allowed_list:\t0-23\n",
			"proc/self/cgroup":                    "0::/user.slice\n",
			"sys/fs/cgroup/user.slice/memory.max": "max\n",
			"sys/fs/cgroup/user.slice/cpu.max":    "max 100000\n",
			"sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "performance\n",
			"sys/devices/system/cpu/cpufreq/policy1/scaling_governor": "performance\n",
			"sys/class/dmi/id/sys_vendor":                             "LENOVO\n",
		},
		want: machine.System{
			OS: "Ubuntu 22.04.5 LTS", Kernel: "6.8.0-87-generic",
			CPU: "AMD Ryzen Threadripper PRO 3945WX 12-Cores", Cores: 2,
			MemoryBytes: 263825000 * 1024, Governor: "performance",
		},
	},
	{
		// A container on a virtual machine: the limits stand two levels up,
		// and the quota of 1.5 CPUs lets two threads make progress.
		name: "container with version 2 limits",
		files: map[string]string{
			"etc/os-release":                   "PRETTY_NAME='Debian GNU/Linux 12 (bookworm)'\n",
			"proc/sys/kernel/osrelease":        "6.1.0-18-cloud-amd64\n",
			"proc/cpuinfo":                     virtualCPU + "\nprocessor : 2\n\nprocessor : 3\n",
			"proc/meminfo":                     "MemTotal: 16384000 kB\n",
			"proc/self/status":                 "Cpus_allowed_list:\t0-3\n",
			"sys/devices/system/cpu/online":    "0-3\n",
			"proc/self/cgroup":                 "0::/pod/app/inner\n",
			"sys/fs/cgroup/pod/memory.max":     "4294967296\n",
			"sys/fs/cgroup/pod/app/memory.max": "8589934592\n",
			"sys/fs/cgroup/pod/app/cpu.max":    "150000 100000\n",
			"sys/class/dmi/id/sys_vendor":      "Google\n",
			"sys/class/dmi/id/product_name":    "Google Compute Engine\n",
		},
		want: machine.System{
			OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-18-cloud-amd64",
			CPU: "Intel(R) Xeon(R) Processor @ 2.60GHz", Cores: 2,
			MemoryBytes: 16384000 * 1024, MemoryLimit: 4294967296,
			Hypervisor: "Google Compute Engine (KVM)",
		},
	},
	{
		// Version 1 beside version 2; the memory group's path is the
		// host's, so only the mount's top can be read.
		name: "container with version 1 limits",
		files: map[string]string{
			"etc/os-release":   "NAME=Alpine\nVERSION=3.20\n",
			"proc/version":     "Linux version 5.10.0-custom (gcc) #1 SMP\n",
			"proc/cpuinfo":     virtualCPU,
			"proc/meminfo":     "MemTotal: 4096000 kB\n",
			"proc/self/cgroup": "4:memory:/docker/0123\n1:cpu,cpuacct:/docker/0123\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "50000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":        "100000\n",
		},
		want: machine.System{
			OS: "Alpine 3.20", Kernel: "5.10.0-custom",
			CPU: "Intel(R) Xeon(R) Processor @ 2.60GHz", Cores: 1,
			MemoryBytes: 4096000 * 1024, MemoryLimit: 2147483648,
			Hypervisor: "yes (the CPU's hypervisor flag; its name is unknown)",
		},
	},
	{
		name: "arm board",
		files: map[string]string{
			"usr/lib/os-release":            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
			"proc/sys/kernel/osrelease":     "6.6.31+rpt-rpi-2712\n",
			"proc/cpuinfo":                  piCPU,
			"proc/meminfo":                  "MemTotal:        8255504 kB\n",
			"sys/devices/system/cpu/online": "0-1\n",
			"proc/device-tree/model":        "Raspberry Pi 5 Model B Rev 1.0\x00",
			"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
		},
		want: machine.System{
			OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.6.31+rpt-rpi-2712",
			CPU: "ARM Cortex-A76 (Raspberry Pi 5 Model B Rev 1.0)", Cores: 2,
			MemoryBytes: 8255504 * 1024, Governor: "ondemand",
		},
		wantWarnings: []string{`CPU governor is "ondemand": clocks may change during the run; "performance" holds them`},
	},
	{
		name:  "nothing there",
		files: map[string]string{},
		wantWarnings: []string{
			"operating system unknown: no PRETTY_NAME in etc/os-release",
			"kernel release unknown: no proc/sys/kernel/osrelease",
			"CPU model unknown: proc/cpuinfo names none",
			"system RAM unknown: no MemTotal in proc/meminfo",
		},
	},
	{
		// Every file is there and none holds what it should.
		name: "garbage",
		files: map[string]string{
			"etc/os-release":                "=\n\xff\xfe\nPRETTY_NAME=\"\x01|\x02\"\n",
			"proc/sys/kernel/osrelease":     "\x00\x01",
			"proc/cpuinfo":                  "::::\nprocessor\n\n:\x00",
			"proc/meminfo":                  "MemTotal: 99999999999999999999 kB\n",
			"proc/self/status":              "Cpus_allowed_list:\t5-1,99999999999\n",
			"proc/self/cgroup":              "no colons\n0::../../../../etc\n",
			"sys/fs/cgroup/memory.max":      "-17\n",
			"sys/fs/cgroup/cpu.max":         "1 0\n",
			"sys/devices/system/cpu/online": "0-4294967295\n",
		},
		want: machine.System{OS: "|"},
		wantWarnings: []string{
			"kernel release unknown: no proc/sys/kernel/osrelease",
			"CPU model unknown: proc/cpuinfo names none",
			"system RAM unknown: no MemTotal in proc/meminfo",
		},
	},
}

func TestRead(t *testing.T) {
	for _, tt := range machines {
		t.Run(tt.name, func(t *testing.T) {
			got, warned := read(fakeRoot(tt.files))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("system (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.wantWarnings, warned); d != "" {
				t.Errorf("warnings (-want +got):\n%s", d)
			}
		})
	}
}

func TestCPUName(t *testing.T) {
	tests := []struct {
		name, text, board, want string
	}{
		{"power", "processor\t: 0\ncpu\t\t: POWER9, altivec supported\nclock\t\t: 3800.000000MHz\n\nmachine\t\t: PowerNV 8335-GTW\n", "8335-GTW", "POWER9, altivec supported (8335-GTW)"},
		{"risc-v", "processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\nuarch\t\t: sifive,u74-mc\n", "", "sifive,u74-mc"},
		{"loongarch", "system type : generic\n\nprocessor\t: 0\nModel Name\t: Loongson-3A5000\n", "", "Loongson-3A5000"},
		{"big and little", "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd05\n\nprocessor : 4\nCPU implementer : 0x41\nCPU part : 0xd0b\n", "", "ARM Cortex-A55 + ARM Cortex-A76"},
		{"server arm", "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd4f\n", "", "ARM Neoverse-V2"},
		{"unknown arm part", "processor : 0\nCPU implementer : 0x41\nCPU part : 0xeee\n", "", "ARM part 0xeee"},
		{"unknown arm vendor", "processor : 0\nCPU implementer : 0x77\nCPU part : 0x001\n", "", "implementer 0x77 part 0x001"},
		{"32-bit arm names the architecture, the part says more", "processor : 0\nmodel name : ARMv7 Processor rev 4 (v7l)\nCPU implementer : 0x41\nCPU part : 0xd03\n", "", "ARM Cortex-A53"},
		{"board only", "processor : 0\n", "StarFive VisionFive 2", "StarFive VisionFive 2"},
		{"nothing", "", "", ""},
	}
	for _, tt := range tests {
		if got := cpuName(parseCPUInfo(tt.text), tt.board); got != tt.want {
			t.Errorf("%s: cpuName = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestHypervisor(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"bare metal with a cloud's DMI", map[string]string{
			"proc/cpuinfo": threadripperCPU, "sys/class/dmi/id/sys_vendor": "Amazon EC2"}, ""},
		{"qemu", map[string]string{
			"proc/cpuinfo": virtualCPU, "sys/class/dmi/id/sys_vendor": "QEMU"}, "QEMU/KVM"},
		{"xen", map[string]string{"sys/hypervisor/type": "xen\n"}, "Xen"},
		{"arm guest", map[string]string{"proc/device-tree/hypervisor/compatible": "linux,kvm\x00kvm\x00"}, "linux,kvm"},
	}
	for _, tt := range tests {
		root := tree{fakeRoot(tt.files)}
		if got := hypervisor(root, parseCPUInfo(root.text("proc/cpuinfo"))); got != tt.want {
			t.Errorf("%s: hypervisor = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCPUList(t *testing.T) {
	for list, want := range map[string]int{
		"0":         1,
		"0-3":       4,
		"0-3,8":     5,
		" 1,3-5\n":  4,
		"2,0-1,1":   3, // each once
		"":          0,
		"3-1":       0,
		"0-":        0,
		"a":         0,
		"0-9999999": 0, // more than any kernel can have
	} {
		if got := len(CPUList(list)); got != want {
			t.Errorf("CPUList(%q) has %d, want %d", list, got, want)
		}
	}
}

func TestLimitParsers(t *testing.T) {
	for text, want := range map[string]int64{
		"2147483648\n":          2147483648,
		"max\n":                 0,
		"9223372036854771712\n": 0, // version 1's "none" with 4 KiB pages
		"9223372036854710272\n": 0, // the same with 64 KiB pages
		"0":                     0,
		"-1":                    0,
	} {
		if got := cgroup.Bytes(text); got != want {
			t.Errorf("cgroup.Bytes(%q) = %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]float64{
		"150000 100000": 1.5,
		"max 100000":    0,
		"-1 100000":     0,
		"100000":        0,
		"1 0":           0,
	} {
		if got := parseCPUMax(text); got != want {
			t.Errorf("parseCPUMax(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestOSRelease(t *testing.T) {
	for text, want := range map[string]string{
		"PRETTY_NAME=\"Say \\\"hi\\\" 1\"\n":      "Say \"hi\" 1",
		"# PRETTY_NAME=\"no\"\nPRETTY_NAME=yes":   "yes",
		"PRETTY_NAME=\"\"\nNAME=X\nVERSION=\"2\"": "X 2",
		"PRETTY_NAME=\"unterminated":              "\"unterminated",
		"":                                        "",
	} {
		if got := parseOSRelease(text); got != want {
			t.Errorf("parseOSRelease(%q) = %q, want %q", text, got, want)
		}
	}
}

// A copied tree's absolute link must not answer with this machine's file.
func TestReadStaysBelowRoot(t *testing.T) {
	root := t.TempDir()
	outside := filepath.Join(t.TempDir(), "os-release")
	if err := os.WriteFile(outside, []byte("PRETTY_NAME=outside\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"etc", "usr/lib"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(root, "etc/os-release")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "usr/lib/os-release"), []byte("PRETTY_NAME=inside\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _ := Read(root); got.OS != "inside" {
		t.Errorf("OS = %q, want %q", got.OS, "inside")
	}
}

// Neither a FIFO for the root nor one in it is waited for.
func TestReadFIFO(t *testing.T) {
	root := t.TempDir()
	pipe := filepath.Join(root, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, warned := Read(pipe); len(warned) != 1 || !strings.Contains(warned[0], "not a folder") {
		t.Errorf("warnings %q", warned)
	}
	if got := PhysicalCores(pipe); got != 0 {
		t.Errorf("%d cores in a FIFO", got)
	}
	if err := os.Mkdir(filepath.Join(root, "proc"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(pipe, filepath.Join(root, "proc/cpuinfo")); err != nil {
		t.Fatal(err)
	}
	// Its other end open and silent: a read would wait.
	end, err := os.OpenFile(filepath.Join(root, "proc/cpuinfo"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	if got, _ := Read(root); got.CPU != "" {
		t.Errorf("CPU %q", got.CPU)
	}
}

// What counts as load follows the cores.
func TestLoadWarning(t *testing.T) {
	for load, want := range map[string]int{"3.19": 0, "3.20": 1} {
		s := machine.System{OS: "x", Kernel: "x", CPU: "x", MemoryBytes: 1, Cores: 64, LoadAverage: load}
		if w := warnings(s); len(w) != want {
			t.Errorf("64 cores, load %s: warnings %q", load, w)
		}
	}
}

func TestReadMissingRoot(t *testing.T) {
	root := filepath.Join(t.TempDir(), "absent")
	got, warned := Read(root)
	if d := cmp.Diff(machine.System{}, got); d != "" {
		t.Errorf("system is not empty (-want +got):\n%s", d)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], root) {
		t.Errorf("warnings = %q, want one that names %q", warned, root)
	}
}

// FuzzParsers feeds one text to every parser: none may panic, and what they
// return must be usable as it stands.
func FuzzParsers(f *testing.F) {
	for _, seed := range []string{threadripperCPU, piCPU, meminfo, "PRETTY_NAME=\"x", "0-3,8", "4:memory:/a/b\n0::/c\n", "150000 100000", "max", "\x00\xff:\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		info := parseCPUInfo(text)
		printed := []string{cpuName(info, text), parseOSRelease(text), deviceTreeString(text)}
		for _, s := range printed {
			if strings.ContainsAny(s, "\n\r\t\x00") || s != strings.TrimSpace(s) {
				t.Errorf("unclean text %q from %q", s, text)
			}
		}
		if n := parseMemTotal(text); n < 0 {
			t.Errorf("parseMemTotal = %d", n)
		}
		if n := len(CPUList(text)); n < 0 || n > 1<<16 {
			t.Errorf("CPUList has %d", n)
		}
		if n := cgroup.Bytes(text); n < 0 {
			t.Errorf("cgroup.Bytes = %d", n)
		}
		if c := parseCPUMax(text); c < 0 {
			t.Errorf("parseCPUMax = %v", c)
		}
		for controller, group := range cgroup.Groups(text) {
			levels := 0
			for range cgroup.Ancestors(group) {
				levels++
			}
			if levels == 0 || levels > len(group)+1 {
				t.Errorf("%q: %d levels in %q", controller, levels, group)
			}
		}
		// The whole reader, with the text in every file it opens.
		read(fakeRoot(map[string]string{
			"proc/cpuinfo": text, "proc/meminfo": text, "proc/self/status": text,
			"proc/self/cgroup": text, "etc/os-release": text, "sys/fs/cgroup/memory.max": text,
		}))
	})
}
