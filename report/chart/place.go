package chart

import "ceiling/report/doc"

// Put puts charts into a document: each at the end of the section it belongs
// to, the first of a run's sweep on a page's first screen.
func Put(d *doc.Document, charts []Chart) {
	d.Style = CSS()
	for i := range charts {
		c := &charts[i]
		figure := doc.Figure{ID: c.ID, Title: c.Title, Note: c.Note, SVG: c.Inline, Narrow: c.Narrow,
			Folded: c.Place == InScenario, Header: c.Header, Rows: c.Rows}
		if c.Place == InScaling && d.Opening == nil {
			d.Opening = []doc.Figure{figure}
			continue
		}
		s := d.Section(string(c.Place))
		if c.Place == InScenario && c.Scenario >= 0 && c.Scenario < len(s.Parts) {
			s = s.Parts[c.Scenario]
		}
		s.Figures = append(s.Figures, figure)
	}
}
