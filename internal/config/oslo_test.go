package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher/internal/testenv"
)

// goldens is testdata/oslo/goldens.json, which oslo.config wrote.
type goldens struct {
	Options []struct {
		Group, Name, Type, Default string
		Old                        []id
	}
	Cases []struct {
		Name   string
		Latin1 bool
		Files  []string
		Dir    map[string]string
		Env    map[string]string
		Want   struct {
			Error     bool
			Line      int
			NoSection bool `json:"no_section"`
			Values    map[string]outcome
		}
	}
	Values []struct {
		Type, Text string
		Want       outcome
	}
}

type outcome struct {
	Error bool
	Value any
	Str   string
}

// UnmarshalJSON reads the deprecated names of the goldens' options.
func (i *id) UnmarshalJSON(data []byte) error {
	var fields struct{ Group, Name string }
	err := json.Unmarshal(data, &fields)
	i.group, i.name = fields.Group, fields.Name
	return err
}

func osloGoldens(t *testing.T) goldens {
	t.Helper()
	data, err := os.ReadFile("testdata/oslo/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var g goldens
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// osloKind is our type for the goldens' one of that name.
func osloKind(t *testing.T, name string) kind {
	t.Helper()
	kinds := map[string]kind{
		"text": text(), "choice": choice("noauth", "http_basic", "keystone"), "boolean": boolean(),
		"integer": integer(math.MinInt, math.MaxInt), "bounded": integer(0, 300), "port": port(), "host": hostAddress(),
		"float": {"a number", func(s string) (any, error) {
			if strings.TrimFunc(s, isSpace) == "" {
				return nil, nil
			}
			return pyFloat(s)
		}},
		"list": list(text()), "paths": list(absolutePath()), "quotedlist": list(quoted()),
		"dict": dict(text()), "quoteddict": dict(quoted()),
	}
	k, ok := kinds[name]
	if !ok {
		t.Fatalf("no kind for the goldens' type %q", name)
	}
	return k
}

func outcomeOf(value any, err error) outcome {
	if err != nil {
		return outcome{Error: true}
	}
	o := outcome{Value: value, Str: pyStr(value)}
	switch v := value.(type) {
	case float64:
		o.Value = pyFloatStr(v)
	case int:
		o.Value = float64(v)
	case []string:
		list := []any{}
		for _, s := range v {
			list = append(list, s)
		}
		o.Value = list
	case map[string]string:
		o.Str = "" // Python's keeps the order of the text
		dict := map[string]any{}
		for key, s := range v {
			dict[key] = s
		}
		o.Value = dict
	}
	return o
}

func wanted(o outcome) outcome {
	if _, ok := o.Value.(map[string]any); ok {
		o.Str = ""
	}
	return o
}

func TestTypesAsOsloReadsThem(t *testing.T) {
	for _, row := range osloGoldens(t).Values {
		got := outcomeOf(osloKind(t, row.Type).read(row.Text))
		if diff := cmp.Diff(wanted(row.Want), got); diff != "" {
			t.Errorf("%s of %q (-oslo +ours):\n%s", row.Type, row.Text, diff)
		}
	}
}

func TestFilesAsOsloReadsThem(t *testing.T) {
	g := osloGoldens(t)
	for _, tc := range g.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			var table []option
			for _, o := range g.Options {
				table = append(table, option{id: id{o.Group, o.Name}, kind: osloKind(t, o.Type), into: new(any), def: o.Default, old: o.Old})
			}
			var environ []string
			for name, value := range tc.Env {
				environ = append(environ, name+"="+value)
			}
			l := newLoader(table, environ)
			var errs []error
			for i, text := range tc.Files {
				data := []byte(text)
				if tc.Latin1 {
					data = data[:0]
					for _, r := range text {
						data = append(data, byte(r))
					}
				}
				errs = append(errs, l.add(fmt.Sprintf("%d.ini", i), data)...)
			}
			folder := t.TempDir()
			for name, text := range tc.Dir {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			names, err := confFiles(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				errs = append(errs, l.add(name, data)...)
			}
			if got := errors.Join(errs...); (got != nil) != tc.Want.Error {
				t.Fatalf("error %v, but oslo.config's: %v\n%q", got, tc.Want.Error, tc.Files)
			}
			if tc.Want.Error {
				// oslo.config notices a missing section only at the assignment's end.
				if at := fmt.Sprintf(".ini:%d: ", tc.Want.Line); tc.Want.Line > 0 && !tc.Want.NoSection && !strings.Contains(errs[0].Error(), at) {
					t.Errorf("the first error is %v, but oslo.config's is in line %d\n%q", errs[0], tc.Want.Line, tc.Files)
				}
				return
			}
			for i := range table {
				r := l.resolve(&table[i])
				name := table[i].group + "." + table[i].name
				got, want := outcomeOf(r.value, r.err), wanted(tc.Want.Values[name])
				if r.origin == "default" && got.Value == "" {
					got.Value = nil // a string without a default is empty for us
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-oslo +ours):\n%s(%v)\nof %q %v", name, diff, r.err, tc.Files, tc.Env)
				}
			}
		})
	}
}

func TestGoldensAreCurrent(t *testing.T) {
	testenv.NeedProgram(t, "python3")
	// Another python3 may come first in PATH; Debian's has oslo.config.
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/oslo/goldens.py")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v; python3-oslo.config and ironic-common are needed:\n%s", err, stderr.Bytes())
	}
	want, err := os.ReadFile("testdata/oslo/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("goldens.json is not what oslo.config says now (-committed +oslo):\n%s", diff)
	}
}
