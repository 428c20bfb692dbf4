package hip

import (
	"cmp"
	"path"
	"slices"
	"strconv"

	"ceiling/hip/internal/nvml"
)

// Others are the processes beside self with memory on AMD's cards, those with most
// first. It is to be asked for while self is one. known is false where the driver
// does not list processes.
func Others(root string, self int) (list []Process, known bool) {
	const nobody = -1
	s := ReadState(root, nobody)
	list = slices.DeleteFunc(s.Processes, func(p Process) bool { return p.VRAM == 0 })
	return beside(list, self), s.ProcessesKnown
}

// Others are the processes beside self that compute on NVIDIA's cards with these
// addresses, as above.
func (n *NVIDIA) Others(root string, pci []string, self int) (list []Process, known bool) {
	memory := map[int]int64{}
	for _, c := range n.named(pci) {
		users, s := n.lib.Users(c.handle)
		if s != nvml.Success {
			return nil, false
		}
		known = true
		for _, u := range users {
			memory[u.PID] += u.Bytes
		}
	}
	for pid, bytes := range memory {
		list = append(list, Process{PID: pid, VRAM: bytes})
	}
	nameProcesses(root, list)
	return beside(list, self), known
}

// beside is a list of processes without self. In a container a driver's numbers
// are the host's, and self is not found among them: then one of them is it all the
// same, taken to be that with the most memory, and no name is the right one.
func beside(list []Process, self int) []Process {
	slices.SortFunc(list, func(a, b Process) int { return cmp.Or(cmp.Compare(b.VRAM, a.VRAM), a.PID-b.PID) })
	own := slices.IndexFunc(list, func(p Process) bool { return p.PID == self })
	switch {
	case own >= 0:
		return slices.Delete(list, own, own+1)
	case len(list) == 0:
		return nil
	}
	for i := range list {
		list[i].Name = "outside this container"
	}
	return list[1:]
}

// nameProcesses looks their names up in procfs.
func nameProcesses(root string, list []Process) {
	t, err := openTree(root)
	if err != nil {
		return
	}
	defer t.close()
	for i := range list {
		list[i].Name = t.line(path.Join("proc", strconv.Itoa(list[i].PID), "comm"))
	}
}
