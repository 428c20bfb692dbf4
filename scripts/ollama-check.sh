#!/usr/bin/env bash
# The second engine against the first: what it is linked to, the tests of the engine
# and of runs that ask for nothing that it lacks, and the greedy tokens and logits
# of both. Both programs and CEILING_TEST_DEMO must be there: see make ollama-check.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

first=build/bin/ceiling second=build/bin/ceiling-ollama

status=0
model=$(third_party/fetch-model.sh) || status=$?
if [ "$status" -ne 0 ] && { [ "$status" -ne 3 ] || [ "${CI:-}" = true ]; }; then
    exit 1
fi
export CEILING_TEST_MODEL=$model

# Two copies of ggml in one process would share their symbols.
if ldd "$second" | grep -E 'libllama|libggml'; then
    echo "$second is linked to the first engine's libraries too" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for m in "$CEILING_TEST_DEMO" ${model:+"$model"}; do
    echo "== greedy tokens and logits of $(basename "$m"): $second against $first"
    "$first" verify "$m" --threads 1 --write-expect "$work/texts.json" >/dev/null
    "$second" verify "$m" --threads 1 --expect "$work/texts.json"
done

# tests PACKAGE PATTERN: on one CPU, because the threads of this engine wait for each
# other awake, which takes a hundred times as long where others use the machine.
tests() { scripts/with-ollama.sh test -exec 'taskset -c 0' -timeout 60m "$1" -run "$2"; }

steps='SequenceOperations|StepRefuses|OpenRefuses|MixedStep|Order|Argmax|ArgmaxThreads|ArgmaxFindsNaN|Rows|GreedyPathsAgree|WarmFindsBadLogits'
models='ModelFacts|TokenizeAndChat|LoadRefuses|LoadProgressAndCancel|LoadModes|LoadVocabEqualsLoad|ModelCloseNeedsSessionsClosed|Devices|BitFlips'
tests ./engine "^Test($steps|$models|PlanCheck|DryRunTooLarge|DryRunErrors|Chain|CPUFeatures|Refuse|Together)\$"
# The scheduler, whose own tests know no engine: whole passes, new processes, kills,
# failures, verdicts, the real model; and the second engine's
# own script.
tests ./cmd/ceiling '^TestScripts$/^(ollama|repeat|process|died|failures|history|real|verdict)$'
