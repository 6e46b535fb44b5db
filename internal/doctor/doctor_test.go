package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/agent"
)

type agents map[string]agent.Status

func (a agents) Status(_ context.Context, host string) (agent.Status, error) {
	if st, ok := a[host]; ok {
		return st, nil
	}
	return agent.Status{}, usher.Errorf(usher.ErrUnavailable, "connection refused")
}

// states is what a person sees first.
func states(checks []Check) []string {
	var all []string
	for _, c := range checks {
		all = append(all, fmt.Sprintf("%s %s", c.State, c.Name))
	}
	return all
}

func TestSite(t *testing.T) {
	mine := agent.Settings{Version: "v1", Algorithm: "md5", Exponent: 5, HeartbeatTimeout: 60}
	roots := []agent.Root{{Option: "[deploy]http_root", Path: "/httpboot"}, {Option: "[pxe]tftp_root", Path: "/tftpboot"}}
	for _, c := range []struct {
		name    string
		change  func(row *usher.Conductor, st *agent.Status, a agents)
		healthy bool
		want    []string // what is not ok
		says    string
	}{
		{name: "well", healthy: true},
		{name: "killed", change: func(row *usher.Conductor, _ *agent.Status, _ agents) { row.UpdatedAt = row.UpdatedAt.Add(-time.Hour) },
			want: []string{"warning conductor c1", "failed conductors"}},
		{name: "stopped", change: func(row *usher.Conductor, _ *agent.Status, _ agents) { row.Online = false },
			want: []string{"warning conductor c1", "failed conductors"}},
		{name: "heartbeat from the future", change: func(row *usher.Conductor, _ *agent.Status, _ agents) {
			row.UpdatedAt = row.UpdatedAt.Add(time.Minute)
		}, want: []string{"failed conductor c1"}, says: "in the future"},
		{name: "no agent", change: func(_ *usher.Conductor, _ *agent.Status, a agents) { delete(a, "c1") },
			want: []string{"failed agent of c1"}, says: "connection refused"},
		{name: "another's agent", change: func(_ *usher.Conductor, st *agent.Status, _ agents) { st.Host = "c2" },
			want: []string{"failed agent of c1"}, says: `"c2"`},
		{name: "another algorithm", change: func(_ *usher.Conductor, st *agent.Status, _ agents) { st.Algorithm = "sha256" },
			want: []string{"failed hash ring of c1"}, says: "hash_ring_algorithm = sha256"},
		{name: "another exponent", change: func(_ *usher.Conductor, st *agent.Status, _ agents) { st.Exponent = 6 },
			want: []string{"failed hash ring of c1"}, says: "hash_partition_exponent = 6"},
		{name: "another time-out", change: func(_ *usher.Conductor, st *agent.Status, _ agents) { st.HeartbeatTimeout = 30 },
			healthy: true, want: []string{"warning heartbeat_timeout of c1"}},
		{name: "clock off", change: func(_ *usher.Conductor, st *agent.Status, _ agents) { st.Clock = st.Clock.Add(-3 * time.Second) },
			healthy: true, want: []string{"warning clock of c1"}, says: "-3.0 s"},
		{name: "clock far off", change: func(_ *usher.Conductor, st *agent.Status, _ agents) { st.Clock = st.Clock.Add(30 * time.Second) },
			want: []string{"failed clock of c1"}},
		{name: "one root unreadable", change: func(_ *usher.Conductor, st *agent.Status, _ agents) { st.Roots[1].Problem = "permission denied" },
			healthy: true, want: []string{"warning [pxe]tftp_root of c1"}, says: "permission denied"},
		{name: "both roots unreadable", change: func(_ *usher.Conductor, st *agent.Status, _ agents) {
			st.Roots[0].Problem, st.Roots[1].Problem = "permission denied", "no such file"
		}, want: []string{"failed [deploy]http_root of c1", "failed [pxe]tftp_root of c1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := time.Now()
				row := usher.Conductor{ID: 1, Hostname: "c1", Online: true, UpdatedAt: now}
				st := agent.Status{Settings: mine, Host: "c1", Account: "usher", Clock: now, Roots: append([]agent.Root(nil), roots...)}
				a := agents{"c1": st}
				if c.change != nil {
					c.change(&row, &st, a)
					if _, ok := a["c1"]; ok {
						a["c1"] = st
					}
				}
				site := Site{Conductors: []usher.Conductor{row}, HeartbeatTimeout: time.Minute, Agents: a, Mine: mine, RPC: ":8090"}
				r := Of(site.Check(t.Context())...)
				var bad []Check
				var text strings.Builder
				for _, check := range r.Checks {
					if check.State != OK {
						bad = append(bad, check)
						if check.Fix == "" {
							t.Errorf("%s has no fix", check.Name)
						}
					}
					text.WriteString(check.Detail + "\n")
				}
				if diff := cmp.Diff(c.want, states(bad)); diff != "" || r.Healthy != c.healthy {
					t.Errorf("healthy %t\n%s", r.Healthy, diff)
				}
				if !strings.Contains(text.String(), c.says) {
					t.Errorf("does not say %q:\n%s", c.says, text.String())
				}
			})
		})
	}
}

func TestDoor(t *testing.T) {
	scripts := map[string][]byte{"/boot.ipxe": []byte("#!ipxe\n"), "/boot.grub": []byte("grub\n")}
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/boot.ipxe", "/old/boot.grub":
			_, _ = w.Write([]byte("#!ipxe\n"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer door.Close()
	for url, want := range map[string][]State{
		door.URL: {OK, Failed}, door.URL + "/old": {Failed, Warning}, "http://127.0.0.1:1": {Failed, Failed}, "://": {Failed, Failed},
	} {
		var got []State
		for _, c := range (Door{URL: url, Scripts: scripts}).Check(t.Context()) {
			got = append(got, c.State)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", url, diff)
		}
	}
}

func TestFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		text string
		want State
	}{
		{"#!ipxe\nboot", OK}, {"#!ipxe\nboot\n", OK}, {"#!ipxe\nother\n", Warning}, {"#!ipxe\n{{ ipxe_for_mac_uri }}", Failed},
	} {
		write(c.text)
		if got := ScriptFile("[pxe]ipxe_boot_script", file, []byte("#!ipxe\nboot\n")); got.State != c.want {
			t.Errorf("script %q: %+v", c.text, got)
		}
	}
	for _, c := range []struct {
		text string
		want State
	}{
		{"dhcp-boot=tag:ipxe,http://10.0.0.1:6386/boot.ipxe\n", OK},
		{"dhcp-boot=tag:ipxe,http://10.0.0.2:8080/boot.ipxe # Ironic's copy\n", OK},
		{"dhcp-option=tag:efi,option:bootfile-name,http://10.0.0.1:6386/boot.grub\n", OK},
		{"#dhcp-boot=tag:ipxe,http://10.0.0.1:6386/boot.ipxe\n", Failed},
		{"dhcp-boot=tag:ipxe,http://10.0.0.9/boot.ipxe\ninterface=http://10.0.0.1:6386/boot.ipxe\n", Failed},
		{"dhcp-boot=undionly.kpxe\n", Failed},
	} {
		write(c.text)
		if got := Dnsmasq(file, "http://10.0.0.1:6386", "http://10.0.0.2:8080"); got.State != c.want || got.State != OK && got.Fix == "" {
			t.Errorf("dnsmasq %q: %+v", c.text, got)
		}
	}
	for _, c := range []Check{ScriptFile("", file+"x", nil), Dnsmasq(file+"x", "", "")} {
		if c.State != Failed {
			t.Errorf("missing: %+v", c)
		}
	}
}
