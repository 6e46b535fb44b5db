package telemetry

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

const (
	rules     = "../../contrib/prometheus/usher.rules.yml"
	ruleTests = "../../contrib/prometheus/usher.rules_test.yml"
	scrapes   = "../../contrib/prometheus/prometheus.yml"
	dashboard = "../../contrib/grafana/usher.json"
)

// The alert rules and the dashboard use metrics, labels and values that the
// real program has: after a boot by a conductor in another process, and after
// that one has died.
func TestContrib(t *testing.T) {
	t.Parallel()
	promtool := testenv.NeedProgram(t, "promtool")[0]
	database := testenv.MariaDB(t)
	conf := configure(t, "[database]connection="+database, "[DEFAULT]host=conductor-1", "[usher]rpc_listen=127.0.0.1:0", allowFiles)
	upgrade(t, conf)
	conductor := start(t, "conductor", conf)
	cert := testenv.Certificate(t)
	api := start(t, "api", configure(t, "[database]connection="+database, "[DEFAULT]host=api-1",
		"[usher]rpc_addresses=conductor-1:"+conductor.at("RPC"),
		"[usher]boot_tls_listen=127.0.0.1:0", "[ssl]cert_file="+cert, "[ssl]key_file="+cert))
	api.deploy()
	_, text := conductor.get("admin", "/metrics")
	if err := conductor.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-conductor.exited
	if status, _ := api.get("machines", bootPath); status != http.StatusServiceUnavailable {
		t.Errorf("status %d from nobody", status)
	}
	_, more := api.get("admin", "/metrics")
	for _, strange := range []string{aMAC, "52-54-00", "n1"} {
		if strings.Contains(text+more, strange) {
			t.Errorf("the metrics hold %q", strange)
		}
	}

	for _, happened := range []struct{ output, metric string }{
		{text, `usher_nodes_prepared_total{result="ok"}`},
		{text, `usher_image_fetches_total{result="fetched"}`},
		{text, `usher_image_fetch_bytes_total`},
		{text, `usher_boot_step_seconds_count{step="disk"}`},
		{text, `usher_rpc_answers_total{method="get_boot_config",result="ok"}`},
		{text, `usher_conductor_active{conductor="conductor-1"}`},
		{more, `usher_boot_requests_total{cause="served",file="boot.ipxe",outcome="served"}`},
		{more, `usher_boot_requests_total{cause="conductor_unreachable",file="boot.ipxe",outcome="not_now"}`},
		{more, `usher_boot_step_seconds_count{step="rpc"}`},
		{more, `usher_rpc_failures_total{conductor="conductor-1",kind="unreachable"}`},
		{more, `usher_hash_rings`},
		{more, `usher_tls_certificate_usable{listener="machines (TLS)"}`},
		{more, `usher_hash_ring_conductors{conductor_group="",hardware_type="manual-management"}`},
	} {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(happened.metric) + ` [1-9]`).MatchString(happened.output) {
			t.Errorf("%s is not there or 0", happened.metric)
		}
	}

	t.Run("promtool check metrics", func(t *testing.T) {
		for _, output := range []string{text, more} {
			check := exec.Command(promtool, "check", "metrics")
			check.Stdin = strings.NewReader(output)
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		}
	})
	real := seriesOf(text, more)
	used := map[string]bool{}
	t.Run("rules", func(t *testing.T) {
		for _, expression := range ruleExpressions(t) {
			real.has(t, expression, used)
		}
	})
	used = map[string]bool{}
	t.Run("dashboard", func(t *testing.T) {
		for _, expression := range dashboardExpressions(t) {
			real.has(t, expression, used)
		}
		for name := range real {
			family := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if strings.HasPrefix(name, "usher_") && !used[family] && !used[family+"_bucket"] {
				t.Errorf("the dashboard does not show %s", family)
			}
		}
	})
}

// Prometheus itself accepts the rules and the example, and each alert fires
// when it should and not before.
func TestRules(t *testing.T) {
	t.Parallel()
	promtool := testenv.NeedProgram(t, "promtool")[0]
	for _, args := range [][]string{{"check", "rules", rules}, {"check", "config", scrapes}, {"test", "rules", filepath.Base(ruleTests)}} {
		cmd := exec.Command(promtool, args...)
		if args[0] == "test" {
			cmd.Dir = filepath.Dir(ruleTests)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	tests := read(t, ruleTests)
	for _, alert := range alerts(t) {
		fires := regexp.MustCompile(`alertname: ` + alert.name + `\n +exp_alerts:\n`).MatchString(tests)
		silent := regexp.MustCompile(`alertname: ` + alert.name + `\n +exp_alerts: \[\]`).MatchString(tests)
		if !fires || !silent {
			t.Errorf("%s: the tests see it fire: %t, and not fire: %t", alert.name, fires, silent)
		}
	}
}

// Each alert says how urgent it is and what to type, and there is such a command.
func TestAlertsSayWhatToDo(t *testing.T) {
	t.Parallel()
	testenv.NeedProgram(t, "go") // which has built the program
	help := map[string]string{}
	for _, alert := range alerts(t) {
		for _, want := range []string{"severity", "summary", "description", "next"} {
			if !regexp.MustCompile(`(?m)^ +` + want + `: \S`).MatchString(alert.text) {
				t.Errorf("%s has no %s", alert.name, want)
			}
		}
		next := regexp.MustCompile(`(?m)^ +next: (.*)$`).FindStringSubmatch(alert.text)
		if next == nil {
			continue
		}
		for command := range strings.SplitSeq(next[1], ", then ") {
			words := strings.Fields(command)
			if words[0] != "usher" {
				continue
			}
			var name []string
			for _, word := range words[1:] {
				if !regexp.MustCompile(`^[a-z-]+$`).MatchString(word) || strings.HasPrefix(word, "-") {
					break
				}
				name = append(name, word)
			}
			if len(name) == 2 && name[0] != "conductor" && name[0] != "node" && name[0] != "config" {
				name = name[:1] // the second is an argument
			}
			key := strings.Join(name, " ")
			if _, ok := help[key]; !ok {
				out, err := exec.Command(program, append(name, "--help")...).CombinedOutput()
				if err != nil {
					t.Errorf("%s: usher %s: %v\n%s", alert.name, key, err, out)
				}
				help[key] = string(out)
			}
			if !strings.HasPrefix(help[key], "Usage: usher "+key) {
				t.Errorf("%s: no command %q", alert.name, key)
			}
			for _, word := range words {
				if strings.HasPrefix(word, "--") && !strings.Contains(help[key], word) {
					t.Errorf("%s: usher %s has no %s", alert.name, key, word)
				}
			}
		}
	}
}

// series are label sets by sample name.
type series map[string][]map[string]string

var (
	sample  = regexp.MustCompile(`^(\w+)(?:\{(.*)\})? \S+$`)
	label   = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
	use     = regexp.MustCompile(`\b((?:usher|process|go)_\w+)(?:\{([^}]*)\})?`)
	matcher = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"([^"]*)"`)
)

func seriesOf(outputs ...string) series {
	all := series{}
	for _, output := range outputs {
		for line := range strings.Lines(output) {
			m := sample.FindStringSubmatch(strings.TrimSpace(line))
			if m == nil {
				continue
			}
			labels := map[string]string{}
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				labels[l[1]] = l[2]
			}
			all[m[1]] = append(all[m[1]], labels)
		}
	}
	return all
}

// has wants each metric that an expression uses to be there, with the labels
// and the values that it selects by.
func (s series) has(t *testing.T, expression string, used map[string]bool) {
	t.Helper()
	for _, u := range use.FindAllStringSubmatch(expression, -1) {
		name, selector := u[1], u[2]
		used[name] = true
		if len(s[name]) == 0 {
			t.Errorf("there is no %s: %s", name, expression)
			continue
		}
		for _, m := range matcher.FindAllStringSubmatch(selector, -1) {
			if m[1] == "job" || m[1] == "instance" { // Prometheus's own
				continue
			}
			for value := range strings.SplitSeq(m[3], "|") {
				if !slices.ContainsFunc(s[name], func(labels map[string]string) bool { return labels[m[1]] == value }) &&
					!allowedAbsent[name+" "+value] {
					t.Errorf("there is no %s with %s = %s: %s", name, m[1], value, expression)
				}
			}
		}
	}
	for _, by := range regexp.MustCompile(`\b(?:by|on) \(([^)]+)\)`).FindAllStringSubmatch(expression, -1) {
		for name := range strings.SplitSeq(by[1], ", ") {
			if name == "instance" {
				continue
			}
			known := false
			for _, u := range use.FindAllStringSubmatch(expression, -1) {
				known = known || slices.ContainsFunc(s[u[1]], func(labels map[string]string) bool { _, ok := labels[name]; return ok })
			}
			if !known {
				t.Errorf("nothing has the label %s: %s", name, expression)
			}
		}
	}
}

// allowedAbsent are values that appear when something first happens.
var allowedAbsent = map[string]bool{"usher_rpc_failures_total refused": true}

// alert is one rule.
type alert struct{ name, expression, text string }

func alerts(t *testing.T) []alert {
	t.Helper()
	var all []alert
	for _, text := range regexp.MustCompile(`\n +- alert: `).Split(read(t, rules), -1)[1:] {
		name, rest, _ := strings.Cut(text, "\n")
		expression := regexp.MustCompile(`(?s)\n? +expr: (?:>-\n)?(.*?)\n +(?:for|labels):`).FindStringSubmatch(rest)
		if expression == nil {
			t.Fatalf("%s has no expression", name)
		}
		all = append(all, alert{name, expression[1], rest})
	}
	if len(all) < 15 {
		t.Fatalf("%d alerts", len(all))
	}
	return all
}

func ruleExpressions(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, a := range alerts(t) {
		all = append(all, a.expression)
	}
	return all
}

// dashboardExpressions also checks what would tie the dashboard to one Grafana.
func dashboardExpressions(t *testing.T) []string {
	t.Helper()
	type source struct{ Type, UID string }
	var d struct {
		ID, UID    any
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
		Panels []struct {
			Title, Type string
			Datasource  *source
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct {
				Expr       string
				Datasource source
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, dashboard)), &d); err != nil {
		t.Fatal(err)
	}
	if d.ID != nil || d.UID != nil || len(d.Templating.List) == 0 || d.Templating.List[0].Type != "datasource" || d.Templating.List[0].Name != "datasource" {
		t.Errorf("id %v, uid %v, variables %+v", d.ID, d.UID, d.Templating.List)
	}
	var all []string
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok || x > 23 {
					t.Fatalf("%q lies over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource == nil || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%q: data source %+v, %d queries", p.Title, p.Datasource, len(p.Targets))
		}
		for _, q := range p.Targets {
			if q.Datasource.UID != "${datasource}" {
				t.Errorf("%q: data source %+v", p.Title, q.Datasource)
			}
			all = append(all, q.Expr)
		}
	}
	for _, v := range d.Templating.List[1:] {
		all = append(all, v.Definition)
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
