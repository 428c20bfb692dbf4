// Package hf reads what comes with the weights of a Hugging Face checkpoint
// (config.json, the tokenizer, the chat template) and turns it into the
// metadata of a GGUF file.
//
// It takes dense decoders of the Mistral and Llama families. A model whose
// configuration asks for something that llama.cpp v0.5.0 would compute
// differently, or not at all, is refused: a file that loads and is subtly wrong
// is worse than none. For the same reason a missing number is an error and
// never the library's default.
package hf
