module ceiling/engine/ollama

go 1.26.0

require github.com/ollama/ollama v0.24.0
