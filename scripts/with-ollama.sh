#!/usr/bin/env bash
# Runs a go command with the second engine in the place of the first:
#
#   with-ollama.sh build -o build/bin/ceiling-ollama ./cmd/ceiling
#   with-ollama.sh test ./engine
#
# The package engine/internal/llama is the only one that knows which engine there
# is. go build's overlay puts the files of engine/ollama where its own are, but for
# those that serve both, and a go.mod made here adds the one module that they need:
# go.mod and go.sum stay as they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Files of engine/internal/llama that both engines have.
kept=(types.go values.go log.go log.c process.go process.c devices.go devices.c abort.go parts.go
    argmax.c rows.c order.c chain.go chain.c shim.h spec.h)

work=$PWD/build/ollama
mkdir -p "$work" build/bin

# replace TEXT FILE writes a file only where it changes.
replace() { [ "$1" = "$(cat "$2" 2>/dev/null)" ] || printf '%s\n' "$1" >"$2"; }

overlay() {
    local file name pairs=()
    for file in engine/internal/llama/*; do
        name=${file##*/}
        case " ${kept[*]} " in *" $name "*) ;; *) pairs+=("\"$PWD/$file\": \"\"") ;; esac
    done
    for file in engine/ollama/*.go; do
        pairs+=("\"$PWD/engine/internal/llama/ollama_${file##*/}\": \"$PWD/$file\"")
    done
    printf '{"Replace": {%s}}' "$(IFS=,; echo "${pairs[*]}")"
}

go_mod() {
    cp go.mod "$work/go.mod.new"
    go mod edit -require="$module" "$work/go.mod.new"
    cat "$work/go.mod.new"
    rm "$work/go.mod.new"
}

# of NAME is a string of engine.json.
of() { sed -n "s/^ *\"$1\": \"\(.*\)\",\$/\1/p" build/bin/engine.json; }

module=$(sed -n 's/^require \(.*\) \(v.*\)$/\1@\2/p' engine/ollama/go.mod)
source_dir=$(third_party/fetch-llama.sh)
module_dir=$(cd engine/ollama && go mod download && go list -m -f '{{.Dir}}' "${module%@*}")
replace "$(overlay)" "$work/overlay.json"
replace "$(go_mod)" "$work/go.mod"
replace "$(cat go.sum engine/ollama/go.sum)" "$work/go.sum"

# The instruction sets and the optimisation are those of the first engine. Its AMX
# kernels are none of the module's.
flags=$(of flags | sed 's/ -mamx[a-z0-9-]*//g')
# The module lacks the folder llama.cpp/vendor, as no Go module has a folder of that
# name: the headers of others that llama.cpp needs are the first engine's.
ln -sfn "$module_dir/llama/llama.cpp/include" "$work/llama"
ln -sfn "$module_dir/ml/backend/ggml/ggml/include" "$work/ggml"
commit=$(sed -n 's/.*LLAMA_COMMIT = "\(.*\)";.*/\1/p' "$module_dir/llama/build-info.cpp")
replace "{
  \"release\": \"${module#*@} (llama.cpp $commit)\",
  \"tree\": \"$commit\",
  \"tree_state\": \"of December 2025, with ollama's patches; $(sed -n "s|^${module%@*} ${module#*@} ||p" engine/ollama/go.sum)\",
  \"preset\": \"cpu\",
  \"build_type\": \"cgo\",
  \"compiler\": \"$(of compiler)\",
  \"target\": \"$(of target)\",
  \"flags\": \"$flags\",
  \"instruction_sets\": $(sed -n 's/^ *"instruction_sets": \(.*\),$/\1/p' build/bin/engine.json),
  \"options\": [\"GGML_OPENMP=OFF\", \"GGML_LLAMAFILE=ON\", \"GGML_CPU_REPACK=OFF\"]
}" build/bin/ceiling-ollama.json

command=$1
shift
CGO_CPPFLAGS="${CGO_CPPFLAGS:+$CGO_CPPFLAGS }-I$source_dir/vendor" CGO_CFLAGS="$flags" CGO_CXXFLAGS="$flags" \
    exec go "$command" -modfile="$work/go.mod" -overlay="$work/overlay.json" "$@"
