package main

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// value is an option as "usher config show" tells it.
type value struct{ Option, Value, Origin string }

func shown(t *testing.T, program, file string) map[string]value {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "--config-file", file, "config", "show", "--json")
	cmd.Env = []string{"STATE_DIRECTORY=/var/lib/usher"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var list []value
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	options := map[string]value{}
	for _, o := range list {
		options[o.Option] = o
	}
	return options
}

func written(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "usher.conf")
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestExampleConfiguration: each line of the file is true once its comment
// sign is gone: an example that is taken, or the default itself.
func TestExampleConfiguration(t *testing.T) {
	dir := packed(t, "1.0.0")
	program := filepath.Join(dir, "usr/bin/usher")
	defaults := shown(t, program, written(t, ""))
	if diff := cmp.Diff(defaults, shown(t, program, filepath.Join(dir, "etc/usher/usher.conf"))); diff != "" {
		t.Errorf("as packed it changes something (-without +with):\n%s", diff)
	}
	content, err := os.ReadFile(filepath.Join(dir, "etc/usher/usher.conf"))
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]bool{"[DEFAULT]host": true, "[DEFAULT]my_ip": true, "[DEFAULT]auth_strategy": true,
		"[DEFAULT]http_basic_auth_user_file": true, "[database]connection": true}
	unseen := maps.Clone(examples)
	commented := regexp.MustCompile(`^#([a-z_]+) = (.*)$`)
	group, options := "", 0
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			group = line
		}
		m := commented.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		options++
		delete(unseen, group+m[1])
		file := written(t, group+"\n"+m[1]+" = "+m[2]+"\n")
		got := shown(t, program, file)[group+m[1]]
		if !strings.Contains(got.Origin, file) {
			t.Errorf("%s%s is no option: %+v", group, m[1], got)
		}
		if want := defaults[group+m[1]]; !examples[group+m[1]] && got.Value != want.Value {
			t.Errorf("%s%s = %s is shown as the default, which is %s", group, m[1], got.Value, want.Value)
		}
	}
	if len(unseen) > 0 || options < 10 {
		t.Errorf("%d options in the file; not there: %v", options, unseen)
	}
}
