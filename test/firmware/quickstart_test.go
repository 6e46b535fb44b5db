package firmware

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher/test/netboot"
)

// block is one fenced block of the page, named by its first line.
var block = regexp.MustCompile("(?ms)^```sh\n# ([a-z0-9 ]+)\n(.*?)^```$")

// TestQuickStart runs the blocks of docs/quickstart.md as they stand, but for
// the program (built already), the folder (the test's own) and the kernel
// (which is here).
func TestQuickStart(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/quickstart.md")
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	state := filepath.Join(t.TempDir(), "q")
	if err := os.MkdirAll(filepath.Join(state, "images"), 0o755); err != nil {
		t.Fatal(err)
	}
	netboot.Kernel(t, filepath.Join(state, "images"))
	blocks := map[string]string{}
	for _, m := range block.FindAllStringSubmatch(string(page), -1) {
		blocks[m[1]] = strings.NewReplacer("go run ./cmd/usher", program, "/tmp/usher-quickstart", state).Replace(m[2])
	}
	// shell starts a block; what it starts last takes the shell's place.
	shell := func(name, before string) *netboot.Process {
		t.Helper()
		text := blocks[name]
		if text == "" {
			t.Fatalf("the page has no block %q", name)
		}
		if before != "" { // a program that runs on is the last command
			lines := strings.Split(strings.TrimSpace(text), "\n")
			for i, line := range lines {
				if strings.HasPrefix(line, before) {
					lines[i] = "exec " + line
				}
			}
			text = strings.Join(lines, "\n") + "\n"
		}
		cmd := exec.Command("bash", "-ec", text)
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "OS_DEFAULT__STATE_PATH="+state, "OS_DEFAULT__MY_IP=10.78.0.1",
			"OS_PXE__KERNEL_APPEND_PARAMS="+netboot.NoTimerCheck)
		return l.Start("quickstart-"+strings.ReplaceAll(name, " ", "-"), cmd)
	}
	// within bounds one step of the page.
	within := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), bootLimit)
		t.Cleanup(cancel)
		return ctx
	}
	finish := func(name string) string {
		t.Helper()
		p := shell(name, "")
		if err := p.Wait(within()); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, p.Log)
		}
		return p.Log.String()
	}
	begin := time.Now()
	finish("setup")
	serve := shell("terminal 1", program)
	if err := serve.Log.Wait(within(), "usher is up"); err != nil {
		t.Fatal(err)
	}
	if out := finish("nodes"); !strings.Contains(out, "hello=vm1") {
		t.Errorf("the nodes' block does not show the boot file:\n%s", out)
	}
	dnsmasq := shell("terminal 2", "dnsmasq")
	if err := dnsmasq.Log.Wait(within(), "started, version"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"vm1", "vm2"} {
		vms <- struct{}{}
		vm := shell("machine "+name, "qemu")
		line, err := vm.Log.WaitLine(within(), netboot.BootedMarker)
		vm.Stop()
		<-vms
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(line, " hello="+name+" ") {
			t.Errorf("%s booted with %s", name, line)
		}
	}
	if out := finish("done"); !strings.Contains(out, "active") {
		t.Errorf("after its heartbeat the node should be active:\n%s", out)
	}
	t.Logf("the quick start took %.0f s", time.Since(begin).Seconds())
}
