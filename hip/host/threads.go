package host

// PhysicalCores is how many cores this process may compute on: the usable
// logical CPUs over the threads of one core. Two threads of a core share its
// arithmetic units, so a second one slows an engine more than it helps. 0
// where the tree below root does not tell.
func PhysicalCores(root string) int {
	dir, err := openFolder(root)
	if err != nil {
		return 0
	}
	defer dir.Close()
	t := tree{dir}
	usable := usableCores(t, parseCPUInfo(t.text("proc/cpuinfo")), cgroupLimits(t).cpus)
	perCore := max(1, countCPUList(t.text("sys/devices/system/cpu/cpu0/topology/thread_siblings_list")))
	if usable == 0 {
		return 0
	}
	return max(1, usable/perCore)
}
