package dnsmasq

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

func example() Config {
	return Config{Interface: "eth1", Range: "10.77.0.100,10.77.0.200", TFTPRoot: "/srv/tftp boot",
		URL: "http://10.77.0.1:6386", LoaderURL: "http://10.77.0.1:6386/", UEFI: IPXE}
}

// TestRender: dnsmasq takes each form, which has the lines that matter. That
// machines boot with them is shown in test/firmware.
func TestRender(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Config)
		want   []string
		lacks  []string
	}{
		{"iPXE", func(*Config) {}, []string{
			"dhcp-boot=tag:ipxe,http://10.77.0.1:6386/boot.ipxe",
			"dhcp-boot=tag:bios,tag:!ipxe,undionly.kpxe",
			"dhcp-boot=tag:x64,tag:!ipxe,snponly.efi",
			"dhcp-boot=tag:arm64,tag:!ipxe,snponly-arm64.efi",
			"dhcp-boot=tag:x64-http,tag:!ipxe,http://10.77.0.1:6386/snponly.efi",
			"dhcp-option-force=tag:arm64-http,tag:!ipxe,option:vendor-class,HTTPClient",
			"tftp-root=/srv/tftp boot",
		}, []string{"option6", "enable-ra", "option:router"}},
		{"GRUB", func(c *Config) { c.UEFI = GRUB }, []string{
			"dhcp-boot=tag:bios,tag:!ipxe,undionly.kpxe",
			"dhcp-boot=tag:x64,tag:!ipxe,bootx64.efi",
			"dhcp-boot=tag:arm64-http,tag:!ipxe,http://10.77.0.1:6386/bootaa64.efi",
		}, []string{"snponly"}},
		{"another TFTP server, a router", func(c *Config) {
			c.TFTPRoot, c.TFTPServer, c.Router = "", "10.77.0.9", "10.77.0.254"
		}, []string{
			"dhcp-boot=tag:bios,tag:!ipxe,undionly.kpxe,,10.77.0.9", "dhcp-option=option:router,10.77.0.254",
		}, []string{"enable-tftp", "tftp-root"}},
		{"no router, advertised prefix", func(c *Config) { c.Router, c.Advertise = "none", "fd77::" },
			[]string{"dhcp-option=option:router", "dhcp-range=fd77::,ra-stateless", "enable-ra"}, nil},
		{"both", func(c *Config) { c.Range6, c.URL6 = "fd77::1000,fd77::1fff,64", "http://[fd77::1]:6386" }, []string{
			"dhcp-range=10.77.0.100,10.77.0.200,1h", "dhcp-range=fd77::1000,fd77::1fff,64,1h",
			"dhcp-option=tag:ipxe,option6:bootfile-url,http://[fd77::1]:6386/boot.ipxe",
			"dhcp-option=tag:x64,tag:!ipxe,option6:bootfile-url,tftp://[fd77::1]/snponly.efi",
		}, nil},
		{"IPv6 only, another TFTP server", func(c *Config) {
			*c = Config{Interface: "eth1", Range6: "fd77::1000,fd77::1fff", URL6: "http://boot.example:6386", TFTPServer: "fd77::9"}
		}, []string{"dhcp-option=tag:arm64,tag:!ipxe,option6:bootfile-url,tftp://[fd77::9]/snponly-arm64.efi"},
			[]string{"dhcp-boot", "HTTPClient"}},
		{"a command with line breaks", func(c *Config) { c.Command = "usher\nport=53" }, []string{"# Made by: usher port=53"}, []string{"\nport=53"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := example()
			tc.change(&c)
			text, err := c.Render()
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range tc.want {
				if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
					t.Errorf("lacks %q", line)
				}
			}
			for _, part := range tc.lacks {
				if strings.Contains(string(text), part) {
					t.Errorf("has %q", part)
				}
			}
			if t.Failed() {
				t.Logf("%s", text)
			}
			program := testenv.NeedProgram(t, "dnsmasq")[0]
			file := filepath.Join(t.TempDir(), "dnsmasq.conf")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(program, "--test", "--conf-file="+file).CombinedOutput(); err != nil {
				t.Errorf("dnsmasq --test: %v\n%s\n%s", err, out, text)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no interface":             func(c *Config) { c.Interface = "" },
		"an interface of two":      func(c *Config) { c.Interface = "eth0,eth1" },
		"a line break":             func(c *Config) { c.Interface = "eth0\nport=53" },
		"no range":                 func(c *Config) { c.Range = "" },
		"half a range":             func(c *Config) { c.Range = "10.0.0.1" },
		"a range backwards":        func(c *Config) { c.Range = "10.0.0.9,10.0.0.1" },
		"a mixed range":            func(c *Config) { c.Range = "10.0.0.1,fd77::1" },
		"an IPv6 range as IPv4":    func(c *Config) { c.Range = "fd77::1,fd77::2" },
		"a line break in a range":  func(c *Config) { c.Range += ",24\nport=53" },
		"a router by name":         func(c *Config) { c.Router = "gateway" },
		"two TFTP servers":         func(c *Config) { c.TFTPServer = "10.0.0.1" },
		"no TFTP server":           func(c *Config) { c.TFTPRoot = "" },
		"a TFTP server by name":    func(c *Config) { c.TFTPRoot, c.TFTPServer = "", "tftp.example" },
		"a door on loopback":       func(c *Config) { c.URL = "http://127.0.0.1:6386" },
		"a door that is no URL":    func(c *Config) { c.URL = "10.77.0.1:6386" },
		"IPv6 without a door":      func(c *Config) { c.Range6 = "fd77::1,fd77::2" },
		"an advertised IPv4":       func(c *Config) { c.Advertise = "10.0.0.0" },
		"a quote in the TFTP root": func(c *Config) { c.TFTPRoot = "a\"b" },
	} {
		c := example()
		change(&c)
		if text, err := c.Render(); !errors.Is(err, usher.ErrInvalid) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}
