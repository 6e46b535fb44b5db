package doctor

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher/internal/agent"
)

func TestBootFiles(t *testing.T) {
	listener := httptest.NewServer(http.NotFoundHandler())
	defer listener.Close()
	http := agent.BootFiles{Interface: "http", Root: "[pxe]tftp_root", Number: 2}
	pxe := agent.BootFiles{Interface: "pxe", Root: "[pxe]tftp_root", Number: 3, Images: 3}
	for _, c := range []struct {
		name   string
		status agent.Status
		want   []string
		says   string
	}{
		{"none", agent.Status{}, nil, ""},
		{"where they lie", agent.Status{BootFiles: []agent.BootFiles{http, {Interface: "ipxe", Root: "[deploy]http_root", Number: 1}}}, []string{"ok boot files of c1"},
			"2 of boot interface http below [pxe]tftp_root, 1 of boot interface ipxe below [deploy]http_root"},
		{"unusable", agent.Status{BootFiles: []agent.BootFiles{{Interface: "pxe", Root: "[pxe]tftp_root", Number: 1, Unusable: []string{"PXELINUX"}}}},
			[]string{"ok boot files of c1", "failed boot files of c1"}, "PXELINUX"},
		{"images", agent.Status{BootFiles: []agent.BootFiles{http, pxe}, FilesURL: listener.URL}, []string{"ok boot files of c1", "ok images of c1"},
			"3 boot files load from " + listener.URL + ", which answers"},
		{"images that are not reached", agent.Status{BootFiles: []agent.BootFiles{pxe}, FilesURL: "http://127.0.0.1:1"},
			[]string{"ok boot files of c1", "warning images of c1"}, "connection refused"},
		{"no listener that could be reached", agent.Status{BootFiles: []agent.BootFiles{http}, FilesURL: "http://127.0.0.1:1"}, []string{"ok boot files of c1"}, ""},
		{"no listener", agent.Status{BootFiles: []agent.BootFiles{pxe}}, []string{"ok boot files of c1"}, ""},
	} {
		checks := bootFiles(t.Context(), "c1", c.status)
		var text strings.Builder
		for _, check := range checks {
			text.WriteString(check.Detail + "\n")
			if check.State != OK && check.Fix == "" {
				t.Errorf("%s: %s has no fix", c.name, check.Name)
			}
		}
		if diff := cmp.Diff(c.want, states(checks)); diff != "" || !strings.Contains(text.String(), c.says) {
			t.Errorf("%s: %s\n%s", c.name, diff, text.String())
		}
	}
}
