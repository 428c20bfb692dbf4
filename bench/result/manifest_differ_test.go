package result

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fillIn gives every field that it can reach a value of its own.
func fillIn(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillIn(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fillIn(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillIn(v.Index(0), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillIn(key, n)
		fillIn(value, n)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n)) // beyond what a float64 tells apart
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Interface:
		v.Set(reflect.ValueOf(*n))
	default:
		panic(v.Kind())
	}
}

// leaves calls use with every value in m that holds no other, and what
// replaces it there.
func leaves(path string, v any, replace func(any), use func(path string, v any, replace func(any))) {
	switch v := v.(type) {
	case map[string]any:
		for k, inside := range v {
			leaves(strings.TrimPrefix(path+"."+k, "."), inside, func(x any) { v[k] = x }, use)
		}
	case []any:
		for i, inside := range v {
			leaves(path, inside, func(x any) { v[i] = x }, use)
		}
	default:
		use(path, v, replace)
	}
}

// Whatever a manifest records is compared when a run goes on, each with a line
// of its own: a field that is added is too, unless mayDiffer names it.
func TestResumeComparesAllThatIsRecorded(t *testing.T) {
	var m Manifest
	n := 0
	fillIn(reflect.ValueOf(&m).Elem(), &n)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := DecodeManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	if lines, err := m.Differences(recorded); err != nil || lines != nil {
		t.Fatalf("the same manifest: %q, %v", lines, err)
	}
	compared, left := 0, map[string]bool{}
	leaves("", recorded, nil, func(path string, v any, replace func(any)) {
		replace("changed")
		defer replace(v)
		lines, err := m.Differences(recorded)
		exempt := slices.ContainsFunc(mayDiffer, func(p string) bool { return path == p || strings.HasPrefix(path, p+".") })
		switch {
		case exempt:
			left[path] = true
			if err != nil || lines != nil {
				t.Errorf("%s: %q, %v", path, lines, err)
			}
		case len(lines) == 0:
			t.Errorf("%s is not compared", path)
		default:
			compared++
			if len(lines) != 1 || !strings.Contains(lines[0], fmt.Sprintf(": changed then, %s now", value(v))) || strings.ContainsAny(lines[0], "_{") {
				t.Errorf("%s: %q", path, lines)
			}
		}
	})
	if compared < 60 {
		t.Errorf("only %d values were compared", compared)
	}
	for _, p := range mayDiffer {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(left)), func(path string) bool { return path == p || strings.HasPrefix(path, p+".") }) {
			t.Errorf("%s may differ, and is in no manifest", p)
		}
	}
}
