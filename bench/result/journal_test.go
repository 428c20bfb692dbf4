package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

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

func storeRecords(t *testing.T, path string, recs []Record) {
	t.Helper()
	j, err := CreateJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(recs); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestJournalRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	want := testRecords()
	storeRecords(t, path, want[:2])
	if _, err := CreateJournal(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("creating it again: %v", err)
	}
	j, err := AppendJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(want[2:]); err != nil {
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
	storeRecords(t, path, testRecords()[:1])
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

// A full disk is reported at once, so that a run does not go on for hours
// without being stored.
func TestJournalFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Fatalf("this test needs /dev/full: %v", err)
	}
	j, err := AppendJournal("/dev/full")
	if err != nil {
		t.Fatal(err)
	}
	r := testRecords()[:1]
	if err := j.Append(r); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("first append: %v", err)
	}
	if err := j.Flush(); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("flush: %v", err)
	}
	if err := j.Append(r); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("second append: %v", err)
	}
	if err := j.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("close: %v", err)
	}
}

// slowFile is a file in memory whose Sync waits to be let go.
type slowFile struct {
	mu     sync.Mutex
	writes []string
	synced int // writes that the last sync to end has found
	syncs  int
	hold   chan struct{} // nil: sync is done at once
	room   int           // bytes that still fit; below 0: any number
}

func (f *slowFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room >= 0 && len(p) > f.room {
		f.writes = append(f.writes, string(p[:f.room]))
		return f.room, syscall.ENOSPC
	}
	f.writes = append(f.writes, string(p))
	return len(p), nil
}

func (f *slowFile) Sync() error {
	f.mu.Lock()
	n := len(f.writes)
	f.mu.Unlock()
	if f.hold != nil {
		<-f.hold
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.synced, f.syncs = n, f.syncs+1
	return nil
}

func (f *slowFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes = []string{strings.Join(f.writes, "")[:size]}
	return nil
}

func (f *slowFile) Close() error { return nil }

// TestJournalSync: what was written is on the disk a second later, a disk that
// takes its time holds nothing up, and nothing is synced for nothing.
func TestJournalSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &slowFile{hold: make(chan struct{}), room: -1}
		j := newJournal(f, 0)
		for range 3 {
			if err := j.Append(testRecords()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(syncEvery)
			synctest.Wait() // the sync is under way, and waits
		}
		if len(f.writes) != 3 || strings.Count(f.writes[2], "\n") != 3 {
			t.Errorf("%d writes while the disk was busy, the last %q", len(f.writes), f.writes)
		}
		close(f.hold)
		time.Sleep(time.Second)
		if f.synced != 3 {
			t.Errorf("%d of 3 writes are on the disk after a second", f.synced)
		}
		was := f.syncs
		time.Sleep(time.Minute)
		if f.syncs != was {
			t.Errorf("%d syncs with nothing to sync", f.syncs-was)
		}
		if err := j.Append(testRecords()); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil || f.synced != 4 {
			t.Errorf("closed with %d of 4 writes on the disk, %v", f.synced, err)
		}
	})
}

// TestJournalShortWrite: of several records that don't fit the whole ones stay.
func TestJournalShortWrite(t *testing.T) {
	f := &slowFile{room: 500}
	j := newJournal(f, 0)
	if err := j.Append(testRecords()); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("error %v", err)
	}
	got := strings.Join(f.writes, "")
	if c, err := ReadJournal(strings.NewReader(got)); err != nil || c.Torn || len(c.Records) != 1 || !strings.HasSuffix(got, "\n") {
		t.Errorf("%d records, torn %v, %v: %q", len(c.Records), c.Torn, err, got)
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

// The journal allocates nothing of its own, once it has had its longest step.
func TestJournalAllocatesNothing(t *testing.T) {
	j := newJournal(discard{}, 0)
	records := testRecords()
	if err := j.Append(records); err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(1000, func() {
		if err := j.Append(records); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 1 { // the encoder
		t.Errorf("%v allocations per step that ends requests", allocs)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// discard is a file that keeps nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Sync() error                 { return nil }
func (discard) Truncate(int64) error        { return nil }
func (discard) Close() error                { return nil }
