package render

import "ceiling/report/history"

// History makes the page of a folder's runs.
func History(h *history.History, version string) *Rendering {
	return &Rendering{name: "index", doc: h.Document(version), draw: h.Charts}
}
