package app

import (
	"testing"

	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/config"
)

// Metal3 and Bifrost name the fallback script relative to Ironic's web server.
// The root script comes from Usher, where a relative URL leads to a 404.
func TestFallbackScript(t *testing.T) {
	for _, c := range []struct {
		name, script, httpURL string
		ironic                bool
		want                  string
	}{
		{"Metal3", "inspector.ipxe", "http://192.0.2.1:6180", true, "http://192.0.2.1:6180/inspector.ipxe"},
		{"Bifrost", "pxelinux.cfg/default", "http://192.0.2.1:8080/", true, "http://192.0.2.1:8080/pxelinux.cfg/default"},
		{"below a folder", "inspector.ipxe", "http://192.0.2.1/boot", true, "http://192.0.2.1/boot/inspector.ipxe"},
		{"from the server's root", "/inspector.ipxe", "http://192.0.2.1/boot/", true, "http://192.0.2.1/inspector.ipxe"},
		{"IPv6", "inspector.ipxe", "http://[2001:db8::1]:6180", true, "http://[2001:db8::1]:6180/inspector.ipxe"},
		{"absolute", "http://192.0.2.9/x.ipxe", "http://192.0.2.1", true, "http://192.0.2.9/x.ipxe"},
		{"TFTP", "tftp://192.0.2.9/x.ipxe", "http://192.0.2.1", true, "tftp://192.0.2.9/x.ipxe"},
		{"unknown web server", "inspector.ipxe", "", true, "inspector.ipxe"},
		{"none", "", "http://192.0.2.1", true, ""},
		{"own inventory", "inspector.ipxe", "http://192.0.2.1", false, "inspector.ipxe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := &config.Config{}
			cfg.PXE.IPXEFallbackScript, cfg.Deploy.HTTPURL = c.script, c.httpURL
			if got := fallbackScript(cfg, c.ironic); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			renderer, err := bootiface.NewRenderer("")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rootScripts(cfg, renderer, c.ironic); err != nil {
				t.Error(err)
			}
		})
	}
}
