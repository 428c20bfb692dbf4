package hip

import "math"

// PowerMeters read what cards draw.
type PowerMeters struct {
	tree    tree
	devices []device
}

// OpenPowerMeters opens the sensors of a machine's cards below root. Close them.
func OpenPowerMeters(root string, m Machine) (*PowerMeters, error) {
	t, err := openTree(root)
	if err != nil {
		return nil, err
	}
	p := &PowerMeters{tree: t}
	for _, g := range m.GPUs {
		d, _ := t.openGPU(g) // a card without a meter has no power
		p.devices = append(p.devices, d)
	}
	return p, nil
}

// Watts is what the card with a PCI address draws now; false: nobody knows.
func (p *PowerMeters) Watts(pci string) (watts float64, ok bool) {
	buf := make([]byte, 32)
	for _, d := range p.devices {
		if d.name != pci {
			continue
		}
		for i := range d.sensors {
			if d.sensors[i].of == powerW {
				watts = d.sensors[i].read(buf)
				return watts, !math.IsNaN(watts)
			}
		}
	}
	return 0, false
}

// Close closes the sensors.
func (p *PowerMeters) Close() {
	for i := range p.devices {
		p.devices[i].close()
	}
	p.tree.close()
}
