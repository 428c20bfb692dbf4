package awqtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// entry is how a safetensors header describes a tensor.
type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// writeTensors writes the tensors into n files and, for more than one, their
// index.
func writeTensors(dir string, list []tensor, n int) error {
	if n == 1 {
		return writeShard(filepath.Join(dir, "model.safetensors"), list)
	}
	index := map[string]string{}
	total := 0
	for k := range n {
		// Neighbours go to different files, as a module's tensors sometimes do.
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", k+1, n)
		var shard []tensor
		for i := k; i < len(list); i += n {
			shard = append(shard, list[i])
			index[list[i].name] = name
			total += len(list[i].data)
		}
		if err := writeShard(filepath.Join(dir, name), shard); err != nil {
			return err
		}
	}
	return writeJSON(dir, "model.safetensors.index.json",
		map[string]any{"metadata": map[string]any{"total_size": total}, "weight_map": index})
}

// writeShard writes one safetensors file: the header's length, the header,
// padded to 8 bytes, the data.
func writeShard(path string, list []tensor) error {
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data bytes.Buffer
	for _, t := range list {
		begin := data.Len()
		data.Write(t.data)
		header[t.name] = entry{t.dtype, t.shape, [2]int{begin, data.Len()}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	text = append(text, bytes.Repeat([]byte(" "), (8-len(text)%8)%8)...)
	file := le.AppendUint64(nil, uint64(len(text)))
	file = append(append(file, text...), data.Bytes()...)
	return os.WriteFile(path, file, 0o644)
}

func writeJSON(dir, name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), append(b, '\n'), 0o644)
}
