package bootiface

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher/internal/testenv"
)

// These tests run QEMU's firmware and boot loaders against a server of ours, and
// judge by what was asked of it. Where the machine must reach its disk, the
// boot sector there ends QEMU with an exit code of its own.

const (
	exampleUUID = "3ec5b6a0-2f3a-4c7e-9f59-0f4f1d2b7a11"
	firstNIC    = "52-54-00-00-00-01"
	secondNIC   = "52-54-00-00-00-02"

	// machines boot at most this long; some 5 s are usual on an idle computer.
	bootDeadline = 90 * time.Second
	// diskReached is QEMU's exit code when bootSector runs.
	diskReached = 0x10<<1 | 1
)

// bootSector writes 0x10 to the debug-exit device's port 0xf4, and halts.
func bootSector() []byte {
	sector := make([]byte, 512)
	copy(sector, []byte{0xb0, 0x10, 0xe6, 0xf4, 0xf4})
	sector[510], sector[511] = 0x55, 0xaa
	return sector
}

// farm bounds how many machines run at once.
var farm = make(chan struct{}, 2)

// machineSide is the server, as the machine sees it, and what was asked.
type machineSide struct {
	url    string // of the server, from inside the machine
	mu     sync.Mutex
	asked  []string
	booted chan struct{} // closed when /booted is asked for
}

// answer is how the nth (from 1) request of a path is answered.
type answer func(w http.ResponseWriter, r *http.Request, nth int)

func script(text string) answer {
	return func(w http.ResponseWriter, _ *http.Request, _ int) { _, _ = w.Write([]byte(text)) }
}

func status(code int) answer {
	return func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(code) }
}

func serveMachines(t *testing.T, answers func(url string) map[string]answer) *machineSide {
	m := &machineSide{booted: make(chan struct{})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// QEMU's user network shows this computer's loopback as 10.0.2.2.
	m.url = fmt.Sprintf("http://10.0.2.2:%d", listener.Addr().(*net.TCPAddr).Port)
	byPath := answers(m.url)
	nth := map[string]int{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.asked = append(m.asked, r.URL.Path)
		nth[r.URL.Path]++
		n := nth[r.URL.Path]
		m.mu.Unlock()
		switch a, ok := byPath[r.URL.Path]; {
		case r.URL.Path == "/booted":
			close(m.booted)
			<-r.Context().Done() // the machine has nothing more to do
		case ok:
			a(w, r, n)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	s.Listener.Close()
	s.Listener = listener
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return m
}

// boot runs a BIOS machine with two NICs.
func (m *machineSide) boot(t *testing.T) int {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "disk"), bootSector(), 0o600); err != nil {
		t.Fatal(err)
	}
	return m.run(t, dir, "-machine", "pc,graphics=off", "-m", "128", "-boot", "order=nc",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=1",
		"-drive", "format=raw,file=disk",
		"-netdev", "user,id=n1,bootfile="+m.url+"/boot.ipxe", "-device", "virtio-net-pci,netdev=n1,mac=52:54:00:00:00:01",
		"-netdev", "user,id=n2,restrict=on", "-device", "virtio-net-pci,netdev=n2,mac=52:54:00:00:00:02")
}

// run runs a machine in dir until it asks for /booted or QEMU ends, and
// returns QEMU's exit code, -1 when /booted was asked for.
func (m *machineSide) run(t *testing.T, dir string, args ...string) int {
	t.Helper()
	qemu := testenv.NeedProgram(t, "qemu-system-x86_64")[0]
	farm <- struct{}{}
	defer func() { <-farm }()
	ctx, cancel := context.WithTimeout(t.Context(), bootDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemu, append(args, "-accel", "tcg", "-nodefaults", "-display", "none", "-serial", "file:serial")...)
	cmd.Dir = dir // QEMU has its own ideas about commas in paths
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	code := -1
	select {
	case <-m.booted:
		cancel()
		<-ended
	case err := <-ended:
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			code = exit.ExitCode()
		}
		if ctx.Err() != nil {
			t.Errorf("the machine came to no end in %s", bootDeadline)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(dir, "serial"))
			t.Logf("asked: %q\nqemu: %s\nconsole:\n%s", m.requests(), output.String(), text)
		}
	})
	return code
}

func (m *machineSide) requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.asked...)
}

func ask(nic string) string { return "/v1/boot/" + nic + "/boot.ipxe" }

func mustRender(t *testing.T) (root func(RootScript) string, node func(NodeScript) string) {
	t.Helper()
	r, err := NewRenderer("")
	if err != nil {
		t.Fatal(err)
	}
	i, _ := Lookup("ipxe")
	text := func(b []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return func(s RootScript) string { t.Helper(); return text(r.Root(s)) },
		func(s NodeScript) string { t.Helper(); return text(r.Node(i, s)) }
}

// kernel is an image that "boots" by asking for /booted: iPXE runs a script
// that was loaded as a kernel.
const kernel = "#!ipxe\nchain /booted\n"

func TestFirmware(t *testing.T) {
	testenv.NeedProgram(t, "qemu-system-x86_64")
	root, node := mustRender(t)
	deploy := func(url string) string {
		return node(NodeScript{UUID: exampleUUID, Kind: Deploy, Kernel: url + "/k", Ramdisk: url + "/r",
			KernelParameters: `console=ttyS0 a="b c" ip=${ip}`})
	}
	api := RootScript{UseBootConfigAPI: true}
	// later answers n requests with first, and then with text.
	later := func(n int, first answer, text string) answer {
		return func(w http.ResponseWriter, r *http.Request, nth int) {
			if nth <= n {
				first(w, r, nth)
			} else {
				script(text)(w, r, nth)
			}
		}
	}
	for _, tc := range []struct {
		name    string
		answers func(url string) map[string]answer
		code    int
		want    []string
	}{
		{"second NIC is the registered one", func(url string) map[string]answer {
			return map[string]answer{"/boot.ipxe": script(root(api)), ask(secondNIC): script(deploy(url)),
				"/k": script(kernel), "/r": script("ramdisk")}
		}, -1, []string{"/boot.ipxe", ask(firstNIC), ask(secondNIC), "/k", "/r", "/booted"}},

		{"static files", func(url string) map[string]answer {
			return map[string]answer{"/boot.ipxe": script(root(RootScript{})), "/pxelinux.cfg/" + secondNIC: script(deploy(url)),
				"/k": script(kernel), "/r": script("ramdisk")}
		}, -1, []string{"/boot.ipxe", "/pxelinux.cfg/" + firstNIC, "/pxelinux.cfg/" + secondNIC, "/k", "/r", "/booted"}},

		{"503 with Retry-After is waited for by iPXE itself", func(url string) map[string]answer {
			wait := func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return map[string]answer{"/boot.ipxe": script(root(api)), ask(firstNIC): later(2, wait, deploy(url)),
				"/k": script(kernel), "/r": script("ramdisk")}
		}, -1, []string{"/boot.ipxe", ask(firstNIC), ask(firstNIC), ask(firstNIC), "/k", "/r", "/booted"}},

		{"503 without Retry-After is asked again by the root script", func(url string) map[string]answer {
			return map[string]answer{"/boot.ipxe": script(root(api)), ask(firstNIC): later(1, status(503), deploy(url)),
				"/k": script(kernel), "/r": script("ramdisk")}
		}, -1, []string{"/boot.ipxe", ask(firstNIC), ask(secondNIC), ask(firstNIC), "/k", "/r", "/booted"}},

		{"a connection reset by a dying API is survived, with an absolute link", func(url string) map[string]answer {
			reset := func(w http.ResponseWriter, _ *http.Request, _ int) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err == nil {
					_ = conn.(*net.TCPConn).SetLinger(0)
					_ = conn.Close()
				}
			}
			absolute := api
			absolute.APIBase = url + "/"
			return map[string]answer{"/boot.ipxe": script(root(absolute)), ask(firstNIC): later(2, reset, deploy(url)),
				"/k": script(kernel), "/r": script("ramdisk")}
			// iPXE tries once more by itself where it had the connection from before.
		}, -1, []string{"/boot.ipxe", ask(firstNIC), ask(firstNIC), ask(secondNIC), ask(firstNIC), "/k", "/r", "/booted"}},

		{"an answer that comes late is waited for", func(url string) map[string]answer {
			late := func(w http.ResponseWriter, r *http.Request, nth int) {
				select { // longer than iPXE's patience with a single packet
				case <-time.After(6 * time.Second):
				case <-r.Context().Done():
				}
				script(deploy(url))(w, r, nth)
			}
			return map[string]answer{"/boot.ipxe": script(root(api)), ask(firstNIC): late, "/k": script(kernel), "/r": script("ramdisk")}
		}, -1, []string{"/boot.ipxe", ask(firstNIC), "/k", "/r", "/booted"}},

		{"an API that says nothing is given up and asked again", func(url string) map[string]answer {
			silent := func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }
			return map[string]answer{"/boot.ipxe": script(root(api)), ask(firstNIC): later(1, silent, deploy(url)),
				"/k": script(kernel), "/r": script("ramdisk")}
		}, -1, []string{"/boot.ipxe", ask(firstNIC), ask(secondNIC), ask(firstNIC), "/k", "/r", "/booted"}},

		{"a dead conductor is left for the one that the API names next", func(url string) map[string]answer {
			refused, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			dead := fmt.Sprintf("http://10.0.2.2:%d", refused.Addr().(*net.TCPAddr).Port)
			refused.Close()
			first := script(deploy(dead))
			return map[string]answer{"/boot.ipxe": script(root(api)), ask(firstNIC): later(1, first, deploy(url)),
				"/k": script(kernel), "/r": script("ramdisk")}
		}, -1, []string{"/boot.ipxe", ask(firstNIC), ask(secondNIC), ask(firstNIC), "/k", "/r", "/booted"}},

		{"a missing ramdisk is tried again", func(url string) map[string]answer {
			return map[string]answer{"/boot.ipxe": script(root(api)), ask(firstNIC): script(deploy(url)),
				"/k": script(kernel), "/r": later(1, status(500), "ramdisk")}
		}, -1, []string{"/boot.ipxe", ask(firstNIC), "/k", "/r", "/k", "/r", "/booted"}},

		{"an unknown machine gets the fallback script", func(string) map[string]answer {
			s := api
			s.Rounds, s.FallbackScript = 2, "fallback.ipxe"
			return map[string]answer{"/boot.ipxe": script(root(s)), "/fallback.ipxe": script(kernel)}
		}, -1, []string{"/boot.ipxe", ask(firstNIC), ask(secondNIC), ask(firstNIC), ask(secondNIC), "/fallback.ipxe", "/booted"}},

		{"an unknown machine goes on with its boot order", func(string) map[string]answer {
			s := api
			s.Rounds = 1
			return map[string]answer{"/boot.ipxe": script(root(s))}
		}, diskReached, []string{"/boot.ipxe", ask(firstNIC), ask(secondNIC)}},

		{"local disk", func(string) map[string]answer {
			return map[string]answer{"/boot.ipxe": script(root(api)),
				ask(firstNIC): script(node(NodeScript{UUID: exampleUUID, Kind: LocalDisk}))}
		}, diskReached, []string{"/boot.ipxe", ask(firstNIC)}},

		{"a boot file that ends well is not asked for again", func(string) map[string]answer {
			return map[string]answer{"/boot.ipxe": script(root(api)), ask(firstNIC): script("#!ipxe\nexit 0\n")}
		}, diskReached, []string{"/boot.ipxe", ask(firstNIC)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := serveMachines(t, tc.answers)
			if code := m.boot(t); code != tc.code {
				t.Errorf("QEMU's exit code %d, want %d", code, tc.code)
			}
			if diff := cmp.Diff(tc.want, m.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}
