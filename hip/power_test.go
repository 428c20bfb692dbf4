package hip

import "testing"

func TestPowerMeters(t *testing.T) {
	m := Read("testdata/hive")
	p, err := OpenPowerMeters("testdata/hive", m)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	// The hive's files power1_average hold 36, 44, 43 and 39 W.
	want := map[string]float64{"card0": 36, "card1": 44, "card2": 43, "card3": 39}
	for _, g := range m.GPUs {
		if w, ok := p.Watts(g.PCI); !ok || w != want[g.Card] {
			t.Errorf("%s at %s draws %v W, %v; want %v", g.Card, g.PCI, w, ok, want[g.Card])
		}
	}
	if len(m.GPUs) != 4 {
		t.Errorf("%d cards", len(m.GPUs))
	}
	if w, ok := p.Watts("0000:ff:00.0"); ok {
		t.Errorf("a card that is not there draws %v W", w)
	}
}
