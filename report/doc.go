// Package report turns the results of a run into files: it reads and writes
// results.json and renders report.md. A renderer is a pure function of a
// result.Run and a model's choices: the same give the same bytes, whatever
// machine and whenever they are rendered.
//
// The report has the form of the reference report (sections, order, tables,
// number formats). What this program adds has sections of its own (Engine or
// Server, Energy, Ceilings, Validity, Repeats).
//
// The prose is a choice from claims, statements that the rules compute to be
// true of the results; claims.go says how. The rules choose by rank. Where the
// model under test chose, DocumentOptions.Choices brings in what, and package prose
// says how it did.
package report
