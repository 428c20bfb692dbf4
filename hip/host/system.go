package host

import (
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
)

// osName is os-release's PRETTY_NAME. usr/lib is read where etc/os-release is
// missing or an absolute link, which would lead out of a copied tree.
func osName(t tree) string {
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		if v := parseOSRelease(t.text(name)); v != "" {
			return v
		}
	}
	return ""
}

// parseOSRelease returns PRETTY_NAME, or NAME with VERSION where it is
// missing. Values follow shell quoting (os-release(5)).
func parseOSRelease(text string) string {
	kv := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		kv[key] = clean(unquote(value))
	}
	if v := kv["PRETTY_NAME"]; v != "" {
		return v
	}
	return clean(kv["NAME"] + " " + kv["VERSION"])
}

// unquote removes one pair of shell quotes and the backslashes inside.
func unquote(s string) string {
	if len(s) < 2 || (s[0] != '"' && s[0] != '\'') || s[len(s)-1] != s[0] {
		return s
	}
	inner := s[1 : len(s)-1]
	if s[0] == '\'' {
		return inner
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}

// kernelRelease is what uname -r prints.
func kernelRelease(t tree) string {
	if v := t.line("proc/sys/kernel/osrelease"); v != "" {
		return v
	}
	// "Linux version 6.1.0-18-amd64 (debian-kernel@...) ..."
	rest, ok := strings.CutPrefix(t.line("proc/version"), "Linux version ")
	if !ok {
		return ""
	}
	release, _, _ := strings.Cut(rest, " ")
	return release
}

// parseMemTotal returns /proc/meminfo's MemTotal in bytes, or 0.
func parseMemTotal(text string) int64 {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "MemTotal:")
		if !ok {
			continue
		}
		f := strings.Fields(rest)
		if len(f) != 2 || f[1] != "kB" {
			return 0
		}
		kb, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil || kb < 0 || kb > math.MaxInt64/1024 {
			return 0
		}
		return kb * 1024
	}
	return 0
}

// governors returns the scaling governors in use, each once: "performance",
// or "performance, powersave" on a machine that mixes them.
func governors(t tree) string {
	var found []string
	for _, pattern := range []string{
		"sys/devices/system/cpu/cpufreq/policy*/scaling_governor",
		"sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor",
	} {
		// The only error of Glob is a malformed pattern, and these are constant.
		names, _ := fs.Glob(t, pattern)
		for _, name := range names {
			if g := t.line(name); g != "" && !slices.Contains(found, g) {
				found = append(found, g)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

// hypervisors names the virtual machine by what its firmware calls itself.
// The text is looked for in DMI's vendor and product, in this order.
var hypervisors = []struct{ text, name string }{
	{"VMware", "VMware"},
	{"VirtualBox", "VirtualBox"},
	{"innotek", "VirtualBox"},
	{"Virtual Machine", "Microsoft Hyper-V"},
	{"Amazon EC2", "Amazon EC2 (Nitro)"},
	{"Google Compute Engine", "Google Compute Engine (KVM)"},
	{"OpenStack", "OpenStack (KVM)"},
	{"Parallels", "Parallels"},
	{"Xen", "Xen"},
	{"bhyve", "bhyve"},
	{"QEMU", "QEMU/KVM"},
	{"KVM", "KVM"},
}

// hypervisor names what the machine runs under, "" for bare metal or not
// known. On x86 the CPU flag decides, since a cloud's bare-metal machines
// carry the cloud's DMI strings too.
func hypervisor(t tree, cpu cpuInfo) string {
	if v := t.line("sys/hypervisor/type"); v == "xen" {
		return "Xen"
	}
	if v := deviceTreeString(t.text("proc/device-tree/hypervisor/compatible")); v != "" {
		return v
	}
	flagged := slices.Contains(strings.Fields(cpu.first("flags")), "hypervisor")
	if cpu.x86() && !flagged {
		return ""
	}
	dmi := t.line("sys/class/dmi/id/sys_vendor") + " " + t.line("sys/class/dmi/id/product_name")
	for _, h := range hypervisors {
		if strings.Contains(dmi, h.text) {
			return h.name
		}
	}
	if flagged {
		return "yes (the CPU's hypervisor flag; its name is unknown)"
	}
	return ""
}

// deviceTreeModel is the board's name on machines that boot from a device
// tree, "" elsewhere.
func (t tree) deviceTreeModel() string {
	for _, name := range []string{"proc/device-tree/model", "sys/firmware/devicetree/base/model"} {
		if v := deviceTreeString(t.text(name)); v != "" {
			return v
		}
	}
	return ""
}

// deviceTreeString is the first string of a device-tree property, which is a
// list of strings that each end in a zero byte.
func deviceTreeString(text string) string {
	first, _, _ := strings.Cut(text, "\x00")
	return clean(first)
}
