package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"ceiling/internal/oneline"
)

// plainEvery is the pause between two progress lines of one task in a log.
const plainEvery = 10 * time.Second

// progress shows how far a task is: a bar on a terminal, plain lines in a
// log.
type progress struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	bar      *progressbar.ProgressBar // of the task; nil in a log, and between tasks
	label    string
	last     time.Time // of the last plain line
	now      func() time.Time
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, now: time.Now}
	p.terminal = isTerminal(out)
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// newBar is the bar of one task. One that has been full draws nothing more, so
// each task has its own.
func newBar(out io.Writer) *progressbar.ProgressBar {
	return progressbar.NewOptions64(1000,
		progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetRenderBlankState(false), progressbar.OptionFullWidth())
}

// update shows that a share 0…1 of the task is done; note says more, such as
// a rate or the time left.
func (p *progress) update(label string, share float64, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	share = min(max(share, 0), 1)
	if p.terminal {
		if label != p.label || p.bar == nil || p.bar.IsFinished() {
			p.clearBar()
			p.label, p.bar = label, newBar(p.out)
		}
		p.bar.Describe(label + note)
		_ = p.bar.Set64(int64(share * 1000)) // a bar that can't be drawn is no reason to stop
		return
	}
	if label == p.label && p.now().Sub(p.last) < plainEvery {
		return
	}
	p.label, p.last = label, p.now()
	fmt.Fprintf(p.out, "%s: %.0f %%%s\n", label, 100*share, note)
}

// line prints a line of its own, above the bar.
func (p *progress) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clearBar()
	fmt.Fprintln(p.out, oneline.Visible(fmt.Sprintf(format, args...)))
	p.label = ""
}

// clear takes the bar off the terminal.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clearBar()
}

func (p *progress) clearBar() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// left is a time in words for an ETA: "40 s", "12 min", "3 h 20 min".
func left(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	h := int(d.Hours())
	return fmt.Sprintf("%d h %d min", h, int(d.Minutes())-60*h)
}
