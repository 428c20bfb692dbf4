package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"ceiling/internal/figure"
	"ceiling/report/metric"
)

// csvTable writes one row per scenario and pass: the pass (from 1), the fields of
// results.json under their names, then what the details have, figures under the
// names of report/metric. What was not measured is an empty cell.
func csvTable(s *ExportSource) (files []ExportedFile, notes []string, err error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	var header []string
	for _, u := range s.units() {
		names, values, err := csvRow(&u)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", u.label(), err)
		}
		if header == nil {
			header = names
			if err := w.Write(header); err != nil {
				return nil, nil, err
			}
		}
		if err := w.Write(values); err != nil {
			return nil, nil, err
		}
	}
	w.Flush()
	if header == nil {
		return nil, nil, nil
	}
	return []ExportedFile{{Place("csv"), b.Bytes()}}, nil, w.Error()
}

func csvRow(u *unit) (names, values []string, err error) {
	add := func(name, value string) { names, values = append(names, name), append(values, value) }
	add("pass", strconv.Itoa(u.Pass.Pass+1))
	v := reflect.ValueOf(u.Result)
	for i := range v.NumField() {
		text, err := csvCell(v.Field(i).Interface())
		if err != nil {
			return nil, nil, err
		}
		add(v.Type().Field(i).Tag.Get("json"), text)
	}
	d := &u.Detail
	add("status", d.Status)
	add("cache", d.Cache)
	if u.detailed {
		add("reused_tokens", strconv.FormatInt(d.ReusedTokens, 10))
		add("range_ratio", figure.Shortest(&d.RangeRatio))
	} else {
		add("reused_tokens", "")
		add("range_ratio", "")
	}
	add("request_rate", figure.Shortest(d.RequestRate))
	for _, info := range metric.All() {
		if info.InDetail {
			add(string(info.Key), figure.Shortest(info.Of(&u.Result, d)))
		}
	}
	return names, values, nil
}

// csvCell is a field of the results as text: what JSON would write, without
// its quotes, and nothing for null.
func csvCell(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case *string:
		if v == nil {
			return "", nil
		}
		return *v, nil
	case *float64:
		return figure.Shortest(v), nil
	}
	text, err := json.Marshal(v)
	return strings.TrimSpace(string(text)), err
}
