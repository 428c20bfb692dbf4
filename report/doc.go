// Package report turns the results of a run into files: it reads and writes
// results.json and renders report.md. A renderer is a pure function of a
// bench.Results: the same results give the same bytes, whatever machine and
// whenever they are rendered.
//
// The report has the form of the reference report (sections, order, tables,
// number formats). What this program adds stands in sections of its own
// (Engine or Server, Energy, Validity, Repeats). The prose is made by rules from the measured numbers; rules.go
// says how.
package report
