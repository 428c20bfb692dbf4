package host

import (
	"fmt"
	"syscall"
)

// PhysicalCores is how many cores this process may compute on: the distinct
// ones among the CPUs that it may use, and no more than its quota of CPU time.
// Two threads of a core share its arithmetic units, so a second one slows an
// engine more than it helps. 0 where the tree below root does not tell.
func PhysicalCores(root string) int {
	dir, err := openFolder(root)
	if err != nil {
		return 0
	}
	defer dir.Close()
	t := tree{dir}
	return least(distinctCores(t), parseCPUInfo(t.text("proc/cpuinfo")).processors(), wholeCPUs(cgroupLimits(t).cpus))
}

// distinctCores counts the cores behind the usable CPUs. A core is known by
// the first of its threads; a CPU whose siblings are unknown is one.
func distinctCores(t tree) int {
	cores := map[int]bool{}
	for _, cpu := range usableCPUs(t) {
		first := cpu
		if siblings := CPUList(t.text(fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))); len(siblings) > 0 {
			first = siblings[0]
		}
		cores[first] = true
	}
	return len(cores)
}

// PeakRSS is this process's largest resident memory in bytes.
func PeakRSS() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss << 10 // Linux counts KiB
}
