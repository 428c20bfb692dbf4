package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/ledongthuc/pdf"
)

// browserNames are the programs that can open a page here, in the order in
// which they are looked for.
var browserNames = []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// startBrowser gives a context to open pages in. Without a browser the test is
// left out, and fails where CI must have one.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	names := browserNames
	if name := os.Getenv("CEILING_TEST_BROWSER"); name != "" {
		names = []string{name}
	}
	path := ""
	for _, name := range names {
		if p, err := exec.LookPath(name); err == nil && path == "" && exec.Command(p, "--version").Run() == nil {
			path = p
		}
	}
	if path == "" {
		const hint = "no browser found; `make test` installs one, or name it in CEILING_TEST_BROWSER"
		if os.Getenv("CI") == "true" {
			t.Fatal(hint)
		}
		t.Skipf("%s not run: %s", t.Name(), hint)
	}
	// A container has neither user namespaces nor a large /dev/shm. What is
	// opened is our own file.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	// The first command starts the browser.
	if _, err := chromedp.Run(ctx, chromedp.Title()); err != nil {
		t.Fatalf("%s does not start: %v", path, err)
	}
	return ctx
}

// openPage opens a file from disk and returns what left the page: requests
// and console messages.
type openPage struct {
	ctx      context.Context
	mu       sync.Mutex
	requests []string
	console  []string
}

func open(t *testing.T, browser context.Context, path string) *openPage {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	p := &openPage{ctx: ctx}
	messages := chromedp.Console(ctx)
	if err := chromedp.Listen(ctx, func(ev any) {
		if r, ok := ev.(*network.EventRequestWillBeSent); ok {
			p.mu.Lock()
			p.requests = append(p.requests, r.Request.URL)
			p.mu.Unlock()
		}
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.console = append(p.console, m.String())
			p.mu.Unlock()
		}
	}()
	if err := chromedp.Do(ctx, chromedp.Navigate("file://"+path)); err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	return p
}

// heard gives what left the page so far, once nothing more comes.
func (p *openPage) heard() (requests, console []string) {
	// Events of one tab arrive in order: behind the answer to a command
	// nothing older is pending but at the goroutine that reads messages.
	_, _ = chromedp.Run(p.ctx, chromedp.Evaluate[bool]("new Promise(r => setTimeout(() => r(true), 200))", chromedp.EvalAwaitPromise))
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...), append([]string(nil), p.console...)
}

func evaluate[T any](t *testing.T, p *openPage, script string) T {
	t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return v
}

// setWidth makes the window that wide, below 600 pixels a phone's.
func (p *openPage) setWidth(t *testing.T, width int64) {
	t.Helper()
	if _, err := chromedp.Call(p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 600,
	}); err != nil {
		t.Fatal(err)
	}
}

func (p *openPage) setScheme(t *testing.T, scheme string) {
	t.Helper()
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}); err != nil {
		t.Fatal(err)
	}
}

// TestBrowserHears shows that the checks below would notice: a page that asks
// for something and writes to the console is caught at both.
func TestBrowserHears(t *testing.T) {
	browser := startBrowser(t)
	path := filepath.Join(t.TempDir(), "loud.html")
	const page = `<!DOCTYPE html><title>loud</title><img src="http://127.0.0.1:9/pixel"><script>console.log("spoke")</script>`
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	requests, console := open(t, browser, path).heard()
	if !strings.Contains(strings.Join(requests, " "), "http://127.0.0.1:9/pixel") {
		t.Errorf("requests %q lack the image's", requests)
	}
	if !strings.Contains(strings.Join(console, " "), "spoke") {
		t.Errorf("console %q lacks the message", console)
	}
}

// pages are what the tests open, as `ceiling report` writes them.
var pages = []struct {
	name  string
	args  []string
	files string // report or comparison
}{
	{"a run", []string{"testdata/demo"}, "report"},
	{"Devstral, April 2026", []string{referenceFile("Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json")}, "report"},
	{"Qwen, 8 bit", []string{referenceFile("Qwen3.6-27B-GPTQ-8bit.json")}, "report"},
	{"Qwen, draft tokens", []string{referenceFile("Qwen3.8-27B-GPTQ-4bit_mtp3.json")}, "report"},
	{"another tool's file", []string{"../../report/importer/testdata/llama-batched-bench/llama-batched-bench_v0.5.0.jsonl"}, "report"},
	{"a folder of another tool's", []string{"../../report/importer/testdata/vllm-bench-serve"}, "report"},
	{"December against April", []string{referenceFile("Devstral-Small-2-24B-AWQ-4bit.md"),
		referenceFile("Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json")}, "comparison"},
	{"seven runs", []string{"testdata/demo", referenceFile("Devstral-Small-2-24B-AWQ-4bit.md"),
		referenceFile("Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json"), referenceFile("Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.md"),
		referenceFile("Qwen3.6-27B-GPTQ-8bit.json"), referenceFile("Qwen3.8-27B-GPTQ-4bit_mtp3.json"), "testdata/demo"}, "comparison"},
}

func referenceFile(name string) string {
	return filepath.Join("../../report/testdata/reference", "benchmark_"+name)
}

// TestPageInBrowser opens what `ceiling report` writes: no request leaves the
// file, the console stays empty, every number of the Markdown is there, it fits
// a phone, follows the reader's scheme and can be printed.
func TestPageInBrowser(t *testing.T) {
	browser := startBrowser(t)
	for _, c := range pages {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			var errOut bytes.Buffer
			args := append([]string{"ceiling", "report", "--out", dir}, c.args...)
			if code := run(args, io.Discard, &errOut); code != 0 {
				t.Fatalf("%q: exit code %d\n%s", args, code, errOut.String())
			}
			markdown, err := os.ReadFile(filepath.Join(dir, c.files+".md"))
			if err != nil {
				t.Fatal(err)
			}
			p := open(t, browser, filepath.Join(dir, c.files+".html"))
			evaluate[int](t, p, unfold)
			hasNumbers(t, evaluate[string](t, p, "document.body.innerText"), string(markdown))
			fits(t, p)
			followsScheme(t, p)
			prints(t, p, string(markdown))
			requests, console := p.heard()
			for _, url := range requests {
				if !strings.HasPrefix(url, "file://"+dir+"/") && !strings.HasPrefix(url, "data:,") {
					t.Errorf("a request left the page: %s", url)
				}
			}
			if len(requests) == 0 {
				t.Error("not even the file itself was requested")
			}
			if len(console) > 0 {
				t.Errorf("console: %q", console)
			}
		})
	}
}

var (
	numberToken = regexp.MustCompile(`[0-9]+(?:[.,][0-9]+)*`)
	escaped     = regexp.MustCompile(`\\([[:punct:]])`) // Markdown's backslashes
	mermaid     = regexp.MustCompile("(?s)```mermaid\n.*?```\n?")
)

// unfold opens the sections that a reader has to ask for.
const unfold = `document.querySelectorAll("details.fold").forEach(e => { e.open = true }), 0`

// hasNumbers checks that each number of the Markdown is in the page's text
// at least as often. The chart in mermaid is drawn in the page; its numbers
// are those of the table above it.
func hasNumbers(t *testing.T, text, markdown string) {
	t.Helper()
	markdown = escaped.ReplaceAllString(markdown, "$1")
	have := counts(text)
	want := counts(mermaid.ReplaceAllString(markdown, ""))
	if len(want) < 20 {
		t.Errorf("only %d numbers in the Markdown", len(want))
	}
	for number, n := range want {
		if have[number] < n {
			t.Errorf("%s stands %d times in the Markdown and %d times in the page", number, n, have[number])
		}
	}
	for number := range counts(strings.Join(mermaid.FindAllString(markdown, -1), "")) {
		if have[number] == 0 {
			t.Errorf("%s of the mermaid chart is not in the page", number)
		}
	}
}

func counts(text string) map[string]int {
	out := map[string]int{}
	for _, number := range numberToken.FindAllString(text, -1) {
		out[number]++
	}
	return out
}

// fits checks that nothing but boxes of their own scrolls sideways, and that the
// heads of tables stay in sight where there is room.
func fits(t *testing.T, p *openPage) {
	t.Helper()
	for _, width := range []int64{360, 600, 820, 1024, 1200, 1280, 1920} {
		p.setWidth(t, width)
		if got := evaluate[int64](t, p, "document.documentElement.scrollWidth"); got > width {
			t.Errorf("%d pixels wide in a window of %d", got, width)
		}
	}
	p.setWidth(t, 390)
	const outside = `[...document.querySelectorAll("main svg, #performance-summary ~ .table td, #concurrency-scaling ~ .table td")].filter(e => e.getBoundingClientRect().right > 390).length`
	if n := evaluate[int64](t, p, outside); n > 0 {
		t.Errorf("%d charts and results reach beyond a phone's window", n)
	}
	p.setWidth(t, 1280)
	const headOfLongest = `(() => {
	const tables = [...document.querySelectorAll("main table")].filter(e => !e.closest("details, .wide")).sort((a, b) => b.offsetHeight - a.offsetHeight)
	window.scrollTo(0, tables[0].getBoundingClientRect().bottom + window.scrollY - 100)
	return tables[0].querySelector("th").getBoundingClientRect().top
})()`
	if top := evaluate[float64](t, p, headOfLongest); top != 0 {
		t.Errorf("the head of the longest table is %g pixels below the window's edge when the table is scrolled", top)
	}
}

// followsScheme compares the computed colours of both schemes.
func followsScheme(t *testing.T, p *openPage) {
	t.Helper()
	const colours = `[...document.querySelectorAll("body, h2, td, nav")].slice(0, 40).map(e => getComputedStyle(e).color + " on " + getComputedStyle(e).backgroundColor)`
	p.setScheme(t, "light")
	light := evaluate[[]string](t, p, colours)
	p.setScheme(t, "dark")
	dark := evaluate[[]string](t, p, colours)
	p.setScheme(t, "light")
	if len(light) < 4 || len(dark) != len(light) {
		t.Fatalf("colours of %d and %d elements", len(light), len(dark))
	}
	for i := range light {
		if light[i] == dark[i] {
			t.Errorf("element %d is %s in both schemes", i, light[i])
		}
	}
}

// prints makes a PDF and looks for the text in it, the numbers behind folded
// charts among it.
func prints(t *testing.T, p *openPage, markdown string) {
	t.Helper()
	data, err := chromedp.Run(p.ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := r.GetPlainText()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	if r.NumPage() == 0 {
		t.Error("a PDF without pages")
	}
	have := counts(string(text))
	markdown = escaped.ReplaceAllString(markdown, "$1")
	for number := range counts(markdown) {
		if have[number] == 0 && !inLongWord(markdown, number) {
			t.Errorf("%s is not on paper", number)
		}
	}
	if folded := evaluate[string](t, p, `[...document.querySelectorAll("details td")].map(e => e.textContent).filter(s => /^[0-9]+\.[0-9]+$/.test(s)).slice(0, 40).join(" ")`); folded != "" {
		for number := range counts(folded) {
			if have[number] == 0 {
				t.Errorf("%s of a folded table is not on paper", number)
			}
		}
	}
}

// inLongWord says whether a number is a part of words too long for a line,
// such as checksums: paper breaks those anywhere.
func inLongWord(text, number string) bool {
	for _, word := range strings.Fields(text) {
		if strings.Contains(word, number) && len(word) < 25 {
			return false
		}
	}
	return true
}
