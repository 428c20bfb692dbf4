// Package report turns the results of a run into files: it reads and writes
// results.json and renders report.md. A renderer is a pure function of a
// bench.Results and a text: the same give the same bytes, whatever machine and
// whenever they are rendered.
//
// The report has the form of the reference report (sections, order, tables,
// number formats). What this program adds stands in sections of its own
// (Engine or Server, Energy, Validity, Repeats).
//
// The prose is made by rules from the measured numbers; rules.go says how. Or
// the model under test writes it: Sections gives the facts that it may use and
// the sentences that stand where it has none, and Options.Text brings in what
// it wrote. Each of its sentences is checked against the results that are
// rendered; package prose says how.
package report
