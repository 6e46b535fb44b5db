package bootiface

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

func example(kind Kind) NodeScript {
	return NodeScript{UUID: exampleUUID, Name: "rack7", Kind: kind, Kernel: "http://192.0.2.1:8080/k", Ramdisk: "http://192.0.2.1:8080/r",
		KernelParameters: `console=ttyS0 dyndbg="file a.c +p" rootpwd=$6$ab$c ip=${ip}`}
}

// lines of a script that are commands.
func commands(script []byte) []string {
	var found []string
	for line := range strings.Lines(string(script)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			found = append(found, line)
		}
	}
	return found
}

func TestNodeIPXE(t *testing.T) {
	r, err := NewRenderer("")
	if err != nil {
		t.Fatal(err)
	}
	iso := example(Ramdisk)
	iso.Kernel, iso.Ramdisk, iso.ISO = "", "", "http://192.0.2.1/boot.iso"
	slow := example(Rescue)
	slow.TimeoutSeconds = 60
	const params = ` console=ttyS0 dyndbg="file a.c +p" rootpwd=$6$ab$c ip=${ip} BOOTIF=${mac} `
	for _, tc := range []struct {
		script NodeScript
		want   []string // must be among the commands
	}{
		{example(Deploy), []string{
			"kernel --timeout 20000 http://192.0.2.1:8080/k selinux=0 troubleshoot=0 text" + params + "initrd=deploy_ramdisk || goto usher_failed",
			"initrd --timeout 20000 --name deploy_ramdisk http://192.0.2.1:8080/r || goto usher_failed"}},
		{slow, []string{
			"kernel --timeout 60000 http://192.0.2.1:8080/k selinux=0 troubleshoot=0 text" + params + "initrd=rescue_ramdisk || goto usher_failed"}},
		{example(Ramdisk), []string{
			"kernel --timeout 20000 http://192.0.2.1:8080/k root=/dev/ram0 text" + params + "initrd=ramdisk || goto usher_failed"}},
		{iso, []string{"sanboot http://192.0.2.1/boot.iso || goto usher_failed"}},
		{NodeScript{UUID: exampleUUID, Kind: LocalDisk}, []string{
			"iseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||", "exit 0"}},
	} {
		for _, name := range []string{"ipxe", "http-ipxe"} {
			i, _ := Lookup(name)
			got, err := r.Node(i, tc.script)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tc.want {
				if !strings.Contains("\n"+strings.Join(commands(got), "\n")+"\n", "\n"+want+"\n") {
					t.Errorf("%s, %s: no line %q in\n%s", name, tc.script.Kind, want, got)
				}
			}
			// Debian 12's iPXE has no poweroff, and an unknown command fails a script.
			if strings.Contains(string(got), "poweroff") {
				t.Errorf("%s: poweroff in\n%s", name, got)
			}
		}
	}
}

func TestNodeGRUB(t *testing.T) {
	check := testenv.NeedProgram(t, "grub-script-check")[0]
	r, err := NewRenderer("")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(text []byte) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), check)
		cmd.Stdin = strings.NewReader(string(text))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("grub-script-check: %s\n%s", out, text)
		}
	}
	tftp := example(Deploy)
	tftp.Kernel, tftp.Ramdisk = "tftp://192.0.2.1/u/deploy_kernel", "u/deploy_ramdisk"
	v6 := example(Ramdisk)
	v6.Kernel = "http://[fd77::1]:8080/a%27b"
	const params = ` "console=ttyS0" "dyndbg=file a.c +p" "rootpwd=\$6\$ab\$c" "ip=${ip}" BOOTIF=$net_default_mac; then`
	for _, tc := range []struct {
		script NodeScript
		want   []string
	}{
		{example(Deploy), []string{`if linux "(http,192.0.2.1:8080)/k" selinux=0 troubleshoot=0 text` + params,
			`if initrd "(http,192.0.2.1:8080)/r"; then`, "boot"}},
		{tftp, []string{`if linux "(tftp,192.0.2.1)/u/deploy_kernel" selinux=0 troubleshoot=0 text` + params,
			`if initrd "/u/deploy_ramdisk"; then`}},
		{v6, []string{`if linux "(http,[fd77::1]:8080)/a%27b" root=/dev/ram0 text` + params}},
		{NodeScript{UUID: exampleUUID, Kind: LocalDisk}, []string{"chainloader (hd0)+1", "set usher_done=1"}},
	} {
		for _, name := range []string{"pxe", "http"} {
			i, _ := Lookup(name)
			got, err := r.Node(i, tc.script)
			if err != nil {
				t.Fatal(err)
			}
			valid(got)
			for _, want := range tc.want {
				if !strings.Contains("\n"+strings.Join(commands(got), "\n")+"\n", "\n"+want+"\n") {
					t.Errorf("%s, %s: no line %q in\n%s", name, tc.script.Kind, want, got)
				}
			}
		}
	}
	for base, want := range map[string]string{
		"":                         `source "/v1/boot/${net_default_mac}/grub.cfg"`,
		"http://192.0.2.1:6386/":   `source "(http,192.0.2.1:6386)/v1/boot/${net_default_mac}/grub.cfg"`,
		"http://[fd77::1]:6386/at": `source "(http,[fd77::1]:6386)/at/v1/boot/${net_default_mac}/grub.cfg"`,
	} {
		got, err := r.GRUBRoot(RootScript{APIBase: base, Rounds: 3})
		if err != nil {
			t.Fatal(err)
		}
		valid(got)
		if !strings.Contains(string(got), want) || !strings.Contains(string(got), "for usher_pause in 1 2 3; do") {
			t.Errorf("GRUB root for %q:\n%s", base, got)
		}
	}
}

// TestNoEscape tries to leave the line that a value is put into.
func TestNoEscape(t *testing.T) {
	r, err := NewRenderer("")
	if err != nil {
		t.Fatal(err)
	}
	node := func(change func(*NodeScript)) func() error {
		return func() error {
			s := example(Deploy)
			change(&s)
			i, _ := Lookup("ipxe")
			_, err := r.Node(i, s)
			return err
		}
	}
	root := func(s RootScript) func() error {
		return func() error { _, err := r.Root(s); return err }
	}
	for _, tc := range []struct {
		field string
		try   func() error
	}{
		{"kernel:", node(func(s *NodeScript) { s.Kernel = "http://h/k\nshell" })},
		{"kernel:", node(func(s *NodeScript) { s.Kernel = "http://h/k init=/bin/sh" })},
		{"kernel:", node(func(s *NodeScript) { s.Kernel = "http://h/${password}" })},
		{"kernel:", node(func(s *NodeScript) { s.Kernel = "gopher://h/k" })},
		{"kernel:", node(func(s *NodeScript) { s.Kernel = "http:/k" })},
		{"kernel:", node(func(s *NodeScript) { s.Kernel = "--name" })},
		{"ramdisk:", node(func(s *NodeScript) { s.Ramdisk = "http://h/r\rshell" })},
		{"boot ISO:", node(func(s *NodeScript) { s.ISO = "http://h/i || shell" })},
		{"kernel parameters:", node(func(s *NodeScript) { s.KernelParameters = "a\nshell" })},
		{"kernel parameters:", node(func(s *NodeScript) { s.KernelParameters = "a || shell" })},
		{"kernel parameters:", node(func(s *NodeScript) { s.KernelParameters = "a ; shell" })},
		{"kernel parameters:", node(func(s *NodeScript) { s.KernelParameters = "a #b" })},
		{"kernel parameters:", node(func(s *NodeScript) { s.KernelParameters = "a\x00" })},
		{"kernel parameters:", node(func(s *NodeScript) { s.KernelParameters = "a\xff" })},
		{"node name:", node(func(s *NodeScript) { s.Name = "a\n:usher_failed" })},
		{"node UUID", node(func(s *NodeScript) { s.UUID = "../../etc" })},
		{"needs a kernel and a ramdisk", node(func(s *NodeScript) { s.Ramdisk = "" })},
		{"unknown kind", node(func(s *NodeScript) { s.Kind = "other" })},
		{"API base URL:", root(RootScript{UseBootConfigAPI: true, APIBase: "http://h/\nshell"})},
		{"API base URL:", root(RootScript{UseBootConfigAPI: true, APIBase: "h:6385"})},
		{"static base URL:", root(RootScript{StaticBase: "http://h/ x"})},
		{"pxe_config_subdir:", root(RootScript{ConfigSubdir: "a b"})},
		{"ipxe_fallback_script:", root(RootScript{FallbackScript: "http://h/{{x}}"})},
	} {
		err := tc.try()
		if !errors.Is(err, usher.ErrInvalid) || !strings.Contains(err.Error(), tc.field) {
			t.Errorf("%s: error %v, want ErrInvalid naming it", tc.field, err)
		}
	}
	i, _ := Lookup("pxe")
	s := example(Deploy)
	s.Kernel = "https://h/k"
	if _, err := r.Node(i, s); !errors.Is(err, usher.ErrInvalid) {
		t.Errorf("https for GRUB: %v", err)
	}
	s = example(Deploy)
	s.KernelParameters = `a"; reboot; " b}`
	got, err := r.Node(i, s)
	if err != nil || !strings.Contains(string(got), `text "a; reboot; " "b}" BOOTIF`) {
		t.Errorf("GRUB's quotes: %v\n%s", err, got)
	}
	if _, err := r.Node(Interface{}, example(Deploy)); !errors.Is(err, usher.ErrUnsupported) {
		t.Errorf("no boot interface: %v", err)
	}
}

func TestTemplateDir(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"node.ipxe.tmpl", "#!ipxe\n{{if}}\n", "node.ipxe.tmpl:2:"},
		{"node.ipxe.tmpl", "#!ipxe\n\n{{.Kernal}}\n", "node.ipxe.tmpl:3:"},
		{"node.ipxe.tmpl", "\n#!ipxe\n", "node.ipxe.tmpl:1:"},
		{"root.grub.tmpl", "", "root.grub.tmpl:1:"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, tc.name), []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := NewRenderer(dir)
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, tc.want)) {
			t.Errorf("%q: error %v, want one naming %s", tc.text, err, tc.want)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "node.ipxe.tmpl"), []byte("#!ipxe\necho {{.Name}} {{.KernelParameters}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := NewRenderer(dir)
	if err != nil {
		t.Fatal(err)
	}
	i, _ := Lookup("ipxe")
	s := example(Deploy)
	s.KernelParameters = "a&b<c"
	got, err := r.Node(i, s)
	if diff := cmp.Diff("#!ipxe\necho rack7 a&b<c\n", string(got)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestRootThroughJinja puts the root script through Ironic's own function for
// its [pxe]ipxe_boot_script.
func TestRootThroughJinja(t *testing.T) {
	python := testenv.NeedProgram(t, "/usr/bin/python3")[0]
	r, err := NewRenderer("")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []RootScript{
		{UseBootConfigAPI: true, APIBase: "http://192.0.2.1:6386", FallbackScript: "http://192.0.2.1/f.ipxe"},
		{UseBootConfigAPI: true}, {},
	} {
		want, err := r.Root(s)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), python, "-c", `
import sys
from ironic.common import utils
sys.stdout.write(utils.render_template(sys.stdin.read(), {'ipxe_for_mac_uri': 'pxelinux.cfg/', 'ipxe_fallback_script': None}, is_file=False))`)
		cmd.Stdin = strings.NewReader(string(want))
		var stderr strings.Builder
		cmd.Stderr = &stderr
		got, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		// Jinja takes the last newline away, as from Ironic's own script.
		if diff := cmp.Diff(strings.TrimSuffix(string(want), "\n"), string(got)); diff != "" {
			t.Errorf("(-before +after Jinja):\n%s", diff)
		}
	}
}
