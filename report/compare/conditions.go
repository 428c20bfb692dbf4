package compare

import (
	"ceiling/report/importer"
)

// conditions lays the hidden conditions of all runs side by side, and the
// model and hardware that their files name above them. A condition that no
// file tells is left out.
func conditions(runs []*importer.ToolRun) []ComparedCondition {
	var out []ComparedCondition
	add := func(name string, of func(*importer.ToolRun) string) {
		c := ComparedCondition{Name: name}
		any := false
		for i := range runs {
			v := of(runs[i])
			c.Values = append(c.Values, v)
			any = any || v != ""
		}
		if any {
			c.Differs = differs(c.Values)
			out = append(out, c)
		}
	}
	add("model", func(r *importer.ToolRun) string { return r.Model })
	add("hardware", func(r *importer.ToolRun) string { return r.Hardware })
	for _, name := range importer.ConditionNames() {
		add(name, func(r *importer.ToolRun) string {
			v, _ := r.Condition(name)
			return v
		})
	}
	return out
}

func differs(values []string) bool {
	first := ""
	for _, v := range values {
		switch {
		case v == "":
		case first == "":
			first = v
		case v != first:
			return true
		}
	}
	return false
}
