package kernels

import (
	"fmt"
	"time"
)

// Used is what a result's shares of the limit follow from.
type Used struct {
	Roofs Roofs     `json:"roofs"`
	Load  Demand    `json:"model"`
	From  string    `json:"from"` // "measured before the run", or the file's name
	Date  time.Time `json:"date"` // of the measurement

	// Own are those of scenarios with settings of their own, such as "kv-type=q8_0",
	// and Missing says why there are none, of "" for scenarios without.
	Own     map[string]*Used  `json:"own,omitempty"`
	Missing map[string]string `json:"missing,omitempty"`
}

// Check tells what makes it unusable.
func (u *Used) Check() error {
	if err := u.Roofs.Check(); err != nil {
		return err
	}
	for name, own := range u.Own {
		if own == nil {
			return fmt.Errorf("the limits with %q are empty", name)
		}
		if err := own.Check(); err != nil {
			return fmt.Errorf("with %q: %w", name, err)
		}
	}
	return u.Load.check()
}

// SetOwn enters the limits with settings of their own, or why there are none; "" are
// the run's settings.
func (u *Used) SetOwn(name string, own *Used, why error) {
	if why != nil {
		if u.Missing == nil {
			u.Missing = map[string]string{}
		}
		u.Missing[name] = why.Error()
		return
	}
	delete(u.Missing, name)
	if name == "" {
		own.Own, own.Missing = u.Own, u.Missing
		*u = *own
		return
	}
	if u.Own == nil {
		u.Own = map[string]*Used{}
	}
	u.Own[name] = own
}

// Share is a measured time and the least one.
type Share struct {
	Measured float64 `json:"measured_s"`
	Least    Spent   `json:"least"`
}

// Of is the least time's share of the measured one: 1 is the limit itself.
func (s Share) Of() float64 { return s.Least.Total() / s.Measured }

// Residual is what no term explains, in seconds.
func (s Share) Residual() float64 { return s.Measured - s.Least.Total() }

// Bound names what bounds the measured time.
func (s Share) Bound() string { return s.Least.BoundOf(s.Measured) }

// Outside is a scenario as it is known of a server, which tells no steps.
type Outside struct {
	Input, Output, Concurrency int
	Requests                   float64 // that succeeded
	Duration                   float64 // of the scenario in seconds
	TPOT                       float64 // mean in seconds
	TTFT                       float64 // mean in seconds; 0: not known
}

// Decode is the share of a server's TPOT. How many sequences decoded at a time is
// their time over the scenario's, on the mean; a step has that many at least as
// its sequences see it. Prompts of others may be computed in steps without any of
// them, so they are in no limit.
func (u *Used) Decode(o Outside) (Share, bool) {
	if !(o.TPOT > 0) || o.Output < 2 {
		return Share{}, false
	}
	together := 1.0
	if o.Duration > 0 {
		together = min(max(1, o.TPOT*float64(o.Output-1)*o.Requests/o.Duration), float64(max(o.Concurrency, 1)))
	}
	return Share{o.TPOT, u.Roofs.Step(&u.Load, decodeWork(together, o.Input, o.Output)).Spent()}, true
}

// Prompt is the share of a server's prompts, for one token, with one request at a
// time: its TTFT holds one prompt and nothing else. With more they wait for each
// other.
func (u *Used) Prompt(o Outside) (Share, bool) {
	if !(o.TTFT > 0) || o.Concurrency != 1 || o.Input < 1 {
		return Share{}, false
	}
	n := float64(o.Input)
	return Share{o.TTFT / n, Spent{}.plus(u.Roofs.Step(&u.Load, PromptWork(n, n)).Spent(), 1/n)}, true
}

// DecodeMix is the share of a mean TPOT in seconds, of steps that are known.
func (u *Used) DecodeMix(m *Mix, tpot float64) (Share, bool) {
	least, _, ok := m.TPOT(&u.Roofs, &u.Load)
	return Share{tpot, least}, ok && tpot > 0
}

// PromptMix is the share of the engine's own prefill rate, in tokens/s, for one
// token.
func (u *Used) PromptMix(m *Mix, rate float64) (Share, bool) {
	least, tokens, ok := m.Prefill(&u.Roofs, &u.Load)
	if !ok || !(rate > 0) {
		return Share{}, false
	}
	return Share{1 / rate, Spent{}.plus(least, 1/tokens)}, true
}
