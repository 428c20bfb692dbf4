package bench

import (
	"time"

	"ceiling/bench/client"
)

// costModel learns what a step costs, for the ETA:
//
//	seconds of a step ≈ base + p·(prompt tokens) + d·(sequences that decode)
//
// by least squares over every step so far, with no coefficient below 0. It
// leaves out that attention grows with the context, so it is an estimate, good
// enough to plan a coffee by. Adding a step is a few multiplications and
// allocates nothing.
type costModel struct {
	xx    [3][3]float64 // Σ x·xᵀ, x = (1, prompt tokens, sequences that decode)
	xy    [3]float64    // Σ x·seconds
	coef  [3]float64    // base, p, d; kept as the start of the next fit
	steps int64
	mixed [2]int64 // steps with prompt tokens, steps with decoded tokens
	// sequences decoded in the steps, and got so many tokens: as many, where nothing
	// was drafted.
	sequences, tokens float64
}

// costSteps is how many steps of each kind are seen before an estimate is
// given.
const costSteps = 3

func (m *costModel) add(prompt, decode int, took time.Duration) {
	x := [3]float64{1, float64(prompt), float64(decode)}
	y := took.Seconds()
	for i := range x {
		for j := range x {
			m.xx[i][j] += x[i] * x[j]
		}
		m.xy[i] += x[i] * y
	}
	m.steps++
	if prompt > 0 {
		m.mixed[0]++
	}
	if decode > 0 {
		m.mixed[1]++
	}
}

// gave adds what the sequences that decoded in a step got.
func (m *costModel) gave(sequences, tokens int) {
	m.sequences, m.tokens = m.sequences+float64(sequences), m.tokens+float64(tokens)
}

// known tells whether an estimate can be given.
func (m *costModel) known() bool { return m.mixed[0] >= costSteps && m.mixed[1] >= costSteps }

// fit finds the coefficients by coordinate descent, each step of which solves
// for one coefficient and cuts it off at 0. With three of them it needs no
// matrix solver, and collinear steps (one user: every decode step has one
// token) are no special case.
func (m *costModel) fit() {
	const rounds = 200
	for range rounds {
		for i := range m.coef {
			if m.xx[i][i] == 0 {
				continue
			}
			rest := m.xy[i]
			for j := range m.coef {
				if j != i {
					rest -= m.xx[i][j] * m.coef[j]
				}
			}
			m.coef[i] = max(0, rest/m.xx[i][i])
		}
	}
}

// predict is the time for the given work in seconds, after fit. The number of
// steps is what the slower of the two needs: one per budget of prompt tokens,
// one per concurrency of decoded ones.
func (m *costModel) predict(w work, budget int) float64 {
	if w.concurrency == 0 {
		return 0
	}
	decode := float64(w.decode) // sequences in steps
	if m.tokens > 0 {
		decode *= m.sequences / m.tokens
	}
	steps := max(float64(w.prompt)/float64(budget), decode/float64(w.concurrency))
	return m.coef[0]*steps + m.coef[1]*float64(w.prompt) + m.coef[2]*decode
}

// work is what a scenario, or the rest of one, consists of.
type work struct {
	prompt, decode int64 // tokens
	concurrency    int
}

func (w work) tokens() int64 { return w.prompt + w.decode }

// shareModel is costModel for a server, whose steps can't be seen. From the
// requests that have ended, with P prompt and D output tokens, TTFT and the
// rest of their time, each over the concurrency they ran at,
//
//	seconds left ≈ ΣTTFT/ΣP · (prompt tokens left) + Σrest/ΣD · (output tokens left)
type shareModel struct {
	prompt, decode float64 // tokens
	ttft, rest     float64 // seconds
}

func (m *shareModel) add(f client.Finished, concurrency int) {
	m.prompt += float64(f.Prompt)
	m.decode += float64(f.Decode)
	m.ttft += f.TTFT / float64(max(concurrency, 1))
	m.rest += f.Rest / float64(max(concurrency, 1))
}

func (m *shareModel) known() bool { return m.prompt > 0 && m.decode > 0 }

// predict is the time for the given work in seconds.
func (m *shareModel) predict(w work) float64 {
	return m.ttft/m.prompt*float64(w.prompt) + m.rest/m.decode*float64(w.decode)
}
