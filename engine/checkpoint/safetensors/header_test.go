package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// file puts a length before a header, and n bytes of data behind it.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func parse(b []byte) ([]StoredTensor, error) { return ReadHeader(bytes.NewReader(b), int64(len(b))) }

const good = `{"b":{"dtype":"I32","shape":[2,3],"data_offsets":[4,28]},"__metadata__":{"format":"pt"},` +
	`"a":{"data_offsets":[0,4],"shape":[2],"dtype":"BF16"},"e":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]},` +
	`"s":{"dtype":"F64","shape":[],"data_offsets":[28,36]}}`

func TestReadHeader(t *testing.T) {
	for name, header := range map[string]string{
		"plain": good, "padded": good + "   ", "spaced": strings.ReplaceAll(good, ",", " ,\n\t"),
	} {
		got, err := parse(file(header, 36))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		data := 8 + int64(len(header))
		want := []StoredTensor{
			{"a", BF16, []int64{2}, 0, data, 4}, {"e", F32, []int64{0, 7}, 0, data + 4, 0},
			{"b", I32, []int64{2, 3}, 0, data + 4, 24}, {"s", "F64", []int64{}, 0, data + 28, 8},
		}
		for i := range want {
			if i >= len(got) || got[i].String() != want[i].String() || got[i].Name != want[i].Name || got[i].Start != want[i].Start || got[i].Bytes != want[i].Bytes {
				t.Errorf("%s: %+v, want %+v", name, got, want)
				break
			}
		}
	}
	if list, err := parse(file("{}", 0)); err != nil || len(list) != 0 {
		t.Errorf("no tensors: %v, %v", list, err)
	}
}

// one describes a single tensor t of 4 bytes.
func one(dtype, shape, offsets string) string {
	return fmt.Sprintf(`{"t":{"dtype":%s,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
}

// damaged lists files that must be refused, with words of the reason.
var damaged = []struct {
	name string
	file []byte
	want string
}{
	{"empty", nil, "has 0 bytes"},
	{"7 bytes", make([]byte, 7), "has 7 bytes"},
	{"length 0", make([]byte, 8), "has 0 bytes, must have at least 2"},
	{"length 1", file("{", 0), "must have at least 2"},
	{"length beyond the file", file("{}", 0)[:9], "only 1 follow"},
	{"length beyond the limit", binary.LittleEndian.AppendUint64(nil, 40<<20), "at most 33554432"},
	{"length 2^64-1", append(bytes.Repeat([]byte{0xff}, 8), "{}"...), "18446744073709551615 bytes"},
	{"length 2^63", append([]byte{0, 0, 0, 0, 0, 0, 0, 0x80}, "{}"...), "9223372036854775808 bytes"},
	{"LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"), "Git LFS pointer"},
	{"begins with a space", file(" {}", 0), `begins with " "`},
	{"array", file("[]", 0), `begins with "["`},
	{"invalid UTF-8", file("{\"\xff\":{}}", 0), "not valid UTF-8"},
	{"half a surrogate pair", file(`{"\ud800":{}}`, 0), "broken text"},
	{"trailing text", file("{} x", 0), "follows the JSON object"},
	{"trailing object", file("{}{}", 0), "follows the JSON object"},
	{"trailing NUL", file("{}\x00", 0), "follows the JSON object"},
	{"not closed", file(`{"t":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}`, 4), "broken JSON"},
	{"comma at the end", file(`{"t":{"dtype":"I32","shape":[1],"data_offsets":[0,4]},}`, 4), "broken JSON"},
	{"comma missing", file(`{"t":{"dtype":"I32" "shape":[1],"data_offsets":[0,4]}}`, 4), "broken JSON"},
	{"tensor is an array", file(`{"t":[]}`, 0), "must be an object"},
	{"tensor is null", file(`{"t":null}`, 0), "must be an object"},
	{"equal names", file(`{"t":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},"t":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}`, 4), "occurs twice"},
	{"equal names, one escaped", file(`{"t":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},"\u0074":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}`, 4), "occurs twice"},
	{"equal fields", file(`{"t":{"dtype":"I8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4), "occurs twice"},
	{"equal metadata", file(`{"__metadata__":{"a":"1","a":"2"}}`, 0), "occurs twice"},
	{"metadata is not text", file(`{"__metadata__":{"a":1}}`, 0), "must be a string"},
	{"metadata is nested", file(`{"__metadata__":{"a":{}}}`, 0), "must be a string"},
	{"unknown field", file(`{"t":{"dtype":"I32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4), `unknown field "x"`},
	{"field in capitals", file(`{"t":{"DType":"I32","shape":[1],"data_offsets":[0,4]}}`, 4), `unknown field "DType"`},
	{"no dtype", file(`{"t":{"shape":[1],"data_offsets":[0,4]}}`, 4), "dtype is missing"},
	{"no shape", file(`{"t":{"dtype":"I32","data_offsets":[0,4]}}`, 4), "shape is missing"},
	{"no offsets", file(`{"t":{"dtype":"I32","shape":[1]}}`, 4), "data_offsets is missing"},
	{"one offset", file(one(`"I32"`, "[1]", "[0]"), 4), "data_offsets"},
	{"three offsets", file(one(`"I32"`, "[1]", "[0,4,4]"), 4), "more than 2"},
	{"dtype is a number", file(one("4", "[1]", "[0,4]"), 4), "must be a string"},
	{"unknown dtype", file(one(`"I31"`, "[1]", "[0,4]"), 4), `dtype "I31" does not exist`},
	{"negative dimension", file(one(`"I32"`, "[-1]", "[0,4]"), 4), `"-1"`},
	{"minus zero", file(one(`"I32"`, "[-0]", "[0,0]"), 4), `"-0"`},
	{"fraction", file(one(`"I32"`, "[1.0]", "[0,4]"), 4), `"1.0"`},
	{"exponent", file(one(`"I32"`, "[1e0]", "[0,4]"), 4), `"1e0"`},
	{"leading zero", file(one(`"I32"`, "[01]", "[0,4]"), 4), "broken JSON"},
	{"dimension 2^63", file(one(`"I32"`, "[9223372036854775808]", "[0,4]"), 4), "2^63-1"},
	{"offset 2^63", file(one(`"I32"`, "[1]", "[0,9223372036854775808]"), 4), "2^63-1"},
	{"dimension is text", file(one(`"I32"`, `["1"]`, "[0,4]"), 4), "must hold integers"},
	{"shape is nested", file(one(`"I32"`, "[[1]]", "[0,4]"), 4), "must hold integers"},
	{"rank 9", file(one(`"I32"`, "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4), "more than 8"},
	{"product overflows", file(one(`"I32"`, "[4294967296,4294967296]", "[0,4]"), 4), "too large"},
	{"product overflows to the right size", file(one(`"I32"`, "[4611686018427387905,4]", "[0,16]"), 16), "too large"},
	{"bytes overflow", file(one(`"I64"`, "[1152921504606846976]", "[0,4]"), 4), "too large"},
	{"zero hides an overflow", file(one(`"I32"`, "[0,9223372036854775807,9223372036854775807]", "[0,0]"), 0), "too large"},
	{"half a byte", file(one(`"F4"`, "[1]", "[0,1]"), 1), "not whole bytes"},
	{"size of another type", file(one(`"I64"`, "[1]", "[0,4]"), 4), "needs 8 bytes"},
	{"end before begin", file(one(`"I32"`, "[1]", "[4,0]"), 4), "end before they begin"},
	{"end beyond the file", file(one(`"I32"`, "[2]", "[0,8]"), 4), "truncated"},
	{"gap at the front", file(one(`"I32"`, "[1]", "[4,8]"), 8), "4 bytes before"},
	{"hidden data", file(one(`"I32"`, "[1]", "[0,4]"), 5), "1 bytes at the end"},
	{"data of no tensor", file("{}", 1), "1 bytes at the end"},
	{"overlap", file(`{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"I8","shape":[4],"data_offsets":[2,6]}}`, 6), "inside the one before"},
	{"same place", file(`{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}`, 4), "inside the one before"},
	{"gap between", file(`{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"I8","shape":[4],"data_offsets":[6,10]}}`, 10), "2 bytes before"},
	{"empty name", file(`{"":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}`, 4), "empty name"},
	{"long name", file(`{"`+strings.Repeat("n", 513)+`":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}`, 4), "has 513 bytes"},
	{"control character in a name", file(`{"a\u001b[2J":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}`, 4), "byte 0x1b"},
}

func TestDamagedHeader(t *testing.T) {
	for _, c := range damaged {
		list, err := parse(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || list != nil {
			t.Errorf("%s: %v, %v, want %q", c.name, list, err, c.want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%s: the message is not one clean line: %q", c.name, err)
		}
	}
}

// TestTruncated cuts a good file at every byte.
func TestTruncated(t *testing.T) {
	whole := file(good, 36)
	for n := range whole {
		if _, err := parse(whole[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(whole))
		}
	}
}

// checkTensors checks what every header that was accepted must have: tensors
// that cover the data from its beginning to the end of the file.
func checkTensors(t *testing.T, list []StoredTensor, data, size int64) {
	t.Helper()
	next := data
	seen := map[string]bool{}
	for _, x := range list {
		elements := int64(1)
		for _, d := range x.Shape {
			elements *= d
		}
		if x.Start != next || x.Bytes != elements*int64(bits[x.DType])/8 || x.Name == "" || seen[x.Name] || len(x.Shape) > maxRank {
			t.Fatalf("%+v where byte %d is due", x, next)
		}
		seen[x.Name] = true
		next += x.Bytes
	}
	if next != size {
		t.Fatalf("the tensors end at byte %d of %d", next, size)
	}
}

// FuzzHeader reads any bytes as a file. What is accepted must be consistent,
// and come back the same when written anew.
func FuzzHeader(f *testing.F) {
	f.Add(file(good, 36))
	f.Add(file("{}  ", 0))
	for _, c := range damaged {
		f.Add(c.file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parse(b)
		if err != nil {
			if list != nil || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("%v, %q", list, err)
			}
			return
		}
		length := int64(binary.LittleEndian.Uint64(b))
		checkTensors(t, list, 8+length, int64(len(b)))
		if !json.Valid(b[8 : 8+length]) {
			t.Fatalf("accepted invalid JSON %q", b[8:8+length])
		}
		header := map[string]any{}
		for _, x := range list {
			begin := x.Start - 8 - length
			header[x.Name] = map[string]any{"dtype": x.DType, "shape": x.Shape, "data_offsets": []int64{begin, begin + x.Bytes}}
		}
		text, err := json.Marshal(header)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(file(string(text), len(b)-8-int(length)))
		if err != nil {
			t.Fatalf("written anew: %v", err)
		}
		if !slices.EqualFunc(list, again, func(a, b StoredTensor) bool {
			return a.Name == b.Name && a.String() == b.String() && a.Bytes == b.Bytes
		}) {
			t.Fatalf("%v came back as %v", list, again)
		}
	})
}
