package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testRecords() []Record {
	a := rec(0.000001, 0.25, 1.123456)
	a.Name, a.PromptHash = "A", "0123456789abcdef"
	b := rec(12345.678901, 12345.678902)
	b.Name, b.Request, b.Late, b.ReusedTokens = "A", 1, true, 3
	c := Record{Scenario: 1, Name: "B", Intended: 1, Admitted: 2, End: 3, InputTokens: 7, TokenTimes: []float64{}, Error: "no KV slot"}
	return []Record{a, b, c}
}

func writeJournal(t *testing.T, path string, recs []Record) {
	t.Helper()
	j, err := CreateJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range recs {
		if err := j.Append(&recs[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestJournalRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	want := testRecords()
	writeJournal(t, path, want[:2])
	if _, err := CreateJournal(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("creating it again: %v", err)
	}
	j, err := AppendJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(&want[2]); err != nil {
		t.Fatal(err)
	}
	if err := j.Flush(); err != nil { // readable before it is closed
		t.Fatal(err)
	}
	got, err := ReadJournalFile(path)
	if err != nil || got.Torn {
		t.Fatalf("torn %v, error %v", got.Torn, err)
	}
	if diff := cmp.Diff(want, got.Records); diff != "" {
		t.Error(diff)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestJournalLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	writeJournal(t, path, testRecords()[:1])
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"scenario":0,"name":"A","request":0,"intended":0.000001,"admitted":0.000001,"prefill_start":0.000001,` +
		`"first_token":0.25,"token_times":[0.25,1.123456],"end":1.123456,"input_tokens":10,"output_tokens":2,` +
		`"reused_tokens":0,"prompt_hash":"0123456789abcdef"}` + "\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestTornJournal(t *testing.T) {
	var lines []string
	for _, r := range testRecords() {
		b, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	for _, tc := range []struct {
		name, text string
		records    int
		torn       bool
		err        string
	}{
		{"empty", "", 0, false, ""},
		{"whole", lines[0] + "\n" + lines[1] + "\n", 2, false, ""},
		{"cut inside the last line", lines[0] + "\n" + lines[1][:40], 1, true, ""},
		{"a whole record whose line break was lost", lines[0] + "\n" + lines[1], 2, false, ""},
		{"zeros behind the last line, as some file systems leave", lines[0] + "\n" + strings.Repeat("\x00", 50), 1, true, ""},
		{"a last line that is no record", lines[0] + "\n{}x\n", 1, true, ""},
		{"blank lines", "\n" + lines[0] + "\n\n\n", 1, false, ""},
		{"a broken line in the middle", lines[0] + "\n" + lines[1][:40] + "\n" + lines[2] + "\n", 0, false, "journal: line 2: not a record:"},
		{"times that run backwards, in the middle", strings.Replace(lines[0], `"end":1.123456`, `"end":1`, 1) + "\n" + lines[1], 0, false,
			`journal: line 1: end "1" lies before 1.123456`},
		{"success without a token, in the middle", `{"name":"A"}` + "\n" + lines[1], 0, false, "journal: line 1: a successful request without its first token"},
	} {
		c, err := ReadJournal(strings.NewReader(tc.text))
		if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.err)) {
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.err)
		}
		if len(c.Records) != tc.records || c.Torn != tc.torn {
			t.Errorf("%s: %d records, torn %v, want %d, %v", tc.name, len(c.Records), c.Torn, tc.records, tc.torn)
		}
	}
}

// A full disk is reported by the next Append, so that a run does not go on
// for hours without being stored.
func TestJournalFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Fatalf("this test needs /dev/full: %v", err)
	}
	j, err := AppendJournal("/dev/full")
	if err != nil {
		t.Fatal(err)
	}
	r := testRecords()[0]
	if err := j.Append(&r); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("first append: %v", err)
	}
	if err := j.Flush(); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("flush: %v", err)
	}
	if err := j.Append(&r); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("second append: %v", err)
	}
	if err := j.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("close: %v", err)
	}
}

func TestJournalUnwritable(t *testing.T) {
	_, err := CreateJournal(filepath.Join(t.TempDir(), "none", "requests.jsonl"))
	if !errors.Is(err, os.ErrNotExist) || !strings.HasSuffix(err.Error(), "use another --out") {
		t.Errorf("error %v", err)
	}
}

// What is read is written and read again as the same, and nothing makes the
// reader panic.
func FuzzReadJournal(f *testing.F) {
	var seed bytes.Buffer
	for _, r := range testRecords() {
		b, err := json.Marshal(&r)
		if err != nil {
			f.Fatal(err)
		}
		seed.Write(append(b, '\n'))
	}
	f.Add(seed.Bytes())
	f.Add(seed.Bytes()[:seed.Len()-9])
	f.Add([]byte("{}\nnull\n[1]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadJournal(bytes.NewReader(data))
		if err != nil {
			if c.Records != nil || c.Torn {
				t.Fatalf("content with the error %v", err)
			}
			return
		}
		var again bytes.Buffer
		enc := json.NewEncoder(&again)
		for i := range c.Records {
			if err := enc.Encode(&c.Records[i]); err != nil {
				t.Fatal(err)
			}
		}
		got, err := ReadJournal(&again)
		if err != nil || got.Torn {
			t.Fatalf("own output: torn %v, error %v", got.Torn, err)
		}
		if diff := cmp.Diff(c.Records, got.Records); diff != "" {
			t.Error(diff)
		}
		// Figures can be computed from whatever the reader lets through.
		Summarize(Scenario{Concurrency: 1}, c.Records, Measured{})
	})
}
