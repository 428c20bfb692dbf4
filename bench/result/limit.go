package result

import (
	"slices"

	"ceiling/kernels"
)

// OwnLimits names those settings of a scenario with which the machine's limits are
// others than with the run's; "": they are the same.
func OwnLimits(list []Setting) string {
	return SettingsText(slices.DeleteFunc(slices.Clone(list), func(s Setting) bool {
		return slices.Contains([]string{"ubatch", "step-tokens", "kv-unified", "spec"}, s.Name)
	}))
}

// limits are those of a scenario; nil: not known. d may be nil.
func (d *Detail) limits(u *kernels.Used) *kernels.Used {
	if u == nil || d == nil {
		return u
	}
	if d.Speculation != nil {
		return nil // the model of a step has no drafts
	}
	switch name := OwnLimits(d.Settings); {
	case name != "":
		return u.Own[name]
	case u.Missing[name] != "":
		return nil
	}
	return u
}

// Limits are those of result i; nil: not known.
func (r *Run) Limits(i int) *kernels.Used { return r.Detail(i).limits(r.Ceilings) }

// NoLimits says why result i has none; "": it has, or the run has none at all.
func (r *Run) NoLimits(i int) string {
	if r.Ceilings == nil || r.Limits(i) != nil {
		return ""
	}
	d := r.Detail(i)
	if d.Speculation != nil {
		return "the model of a step has no drafts"
	}
	if why := r.Ceilings.Missing[OwnLimits(d.Settings)]; why != "" {
		return why
	}
	return "its settings have limits of their own, and the run has not recorded them"
}

// Shares are the shares of result i.
func (r *Run) Shares(i int) (decode, prompt *kernels.Share) {
	return Shares(r.Ceilings, &r.Results[i], r.Detail(i))
}

// Shares are the measured time per output token and per prompt token of a
// scenario, or of one pass over it, beside the least ones; nil where one is not
// known. In process they follow from what the steps were made of. Of a server,
// whose prompts are known as wholes only, the second is of a request with no other
// beside it. u are the run's limits; u and d may be nil.
func Shares(u *kernels.Used, s *Summary, d *Detail) (decode, prompt *kernels.Share) {
	if u = d.limits(u); u == nil || Failed(s, d) {
		return nil, nil
	}
	if d != nil && d.Mix != nil {
		if s.TPOTMeanMs != nil {
			decode = known(u.DecodeMix(d.Mix, *s.TPOTMeanMs/1000))
		}
		if d.EnginePrefill != nil {
			prompt = known(u.PromptMix(d.Mix, *d.EnginePrefill))
		}
		return decode, prompt
	}
	// Of a prompt that may be in a server's cache it is not known how much was
	// computed.
	cold := d == nil || d.Cache != CacheWarm
	return known(u.Decode(s.outside(cold))), known(u.Prompt(s.outside(cold)))
}

func known(s kernels.Share, ok bool) *kernels.Share {
	if !ok {
		return nil
	}
	return &s
}

// outside is what is known of a scenario without its steps.
func (s *Summary) outside(cold bool) kernels.Outside {
	o := kernels.Outside{Input: s.InputLen, Output: s.OutputLen, Concurrency: s.Concurrency, Requests: s.SuccessfulRequests}
	if s.DurationS != nil {
		o.Duration = *s.DurationS
	}
	if s.TPOTMeanMs != nil {
		o.TPOT = *s.TPOTMeanMs / 1000
	}
	if s.TTFTMeanMs != nil && cold {
		o.TTFT = *s.TTFTMeanMs / 1000
	}
	return o
}
