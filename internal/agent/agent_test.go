package agent

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/ironicdisk"
)

const uuid = "8733b875-30ea-5929-9b3b-8c04ada0b065"

// world is an Ironic conductor's host: a database's answers and a disk.
type world struct {
	*Agent
	node    usher.BootNode
	nodeErr error
	other   usher.Conductor // conductors.id 2; 1 is this host
	active  bool
	unnamed bool // no conductor has this host's name
	http    string
	tftp    string // made by tests that need it
	log     bytes.Buffer
}

func (w *world) BootNode(_ context.Context, id string) (usher.BootNode, error) {
	if w.nodeErr == nil && id != w.node.UUID {
		return usher.BootNode{}, usher.Errorf(usher.ErrNotFound, "Node %s could not be found.", id).WithClass("NodeNotFound")
	}
	return w.node, w.nodeErr
}

func (w *world) Conductor(_ context.Context, id int64) (usher.Conductor, bool, error) {
	switch id {
	case 1:
		return usher.Conductor{ID: 1, Hostname: "here"}, true, nil
	case 2:
		return w.other, w.active, nil
	}
	return usher.Conductor{}, false, usher.Errorf(usher.ErrNotFound, "Conductor %d could not be found.", id)
}

func (w *world) Registered(_ context.Context, host string) (bool, error) {
	return host == "here" && !w.unnamed, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{http: t.TempDir(), tftp: filepath.Join(t.TempDir(), "none"), active: true, other: usher.Conductor{ID: 2, Hostname: "there"},
		node: usher.BootNode{UUID: uuid, BootInterface: "ipxe", ProvisionState: usher.DeployWait, ConductorAffinity: 1}}
	disk, err := ironicdisk.New(ironicdisk.Options{HTTPRoot: w.http, TFTPRoot: w.tftp},
		ironicdisk.URLs{HTTP: "http://192.0.2.1:8080", Files: "http://192.0.2.1:6388"})
	if err != nil {
		t.Fatal(err)
	}
	w.Agent = New(Options{Host: "here", Nodes: w, Conductors: w, Disk: disk, Restrict: func() bool { return true }, Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
		Settings: Settings{Version: "v1", Algorithm: "md5", Exponent: 5}})
	return w
}

// write puts a file where Ironic would, of an age.
func (w *world) write(t *testing.T, content string, age time.Duration) {
	t.Helper()
	path := filepath.Join(w.http, uuid, "config")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

const script = "#!ipxe\nboot\n"

func TestGetBootConfig(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, w *world)
		file   string
		want   error  // nil: served
		class  string // of an ErrUnavailable; TemporaryFailure where it is empty
		says   string
	}{
		{name: "served"},
		{name: "any state: the API has the gate", change: func(_ *testing.T, w *world) { w.node.ProvisionState = usher.Available }},
		{name: "first cleaning", change: func(_ *testing.T, w *world) {
			w.node.ProvisionState, w.node.ConductorAffinity = usher.CleanWait, 0
		}},
		{name: "cleaning, last deployed elsewhere", change: func(_ *testing.T, w *world) {
			w.node.ProvisionState, w.node.ConductorAffinity = usher.CleanWait, 2
		}},
		{name: "just written", change: func(t *testing.T, w *world) { w.write(t, script, 0) }},
		{name: "clock of the disk ahead", change: func(t *testing.T, w *world) { w.write(t, script, -time.Hour) }},
		{name: "no file", change: func(t *testing.T, w *world) {
			if err := os.RemoveAll(filepath.Join(w.http, uuid)); err != nil {
				t.Fatal(err)
			}
		}, want: usher.ErrNotFound},
		{name: "empty", change: func(t *testing.T, w *world) { w.write(t, "", time.Hour) }, want: usher.ErrUnavailable, says: "incomplete"},
		{name: "half", change: func(t *testing.T, w *world) {
			w.write(t, "#!ipxe\n"+strings.Repeat("x", 8192-7), time.Hour)
		}, want: usher.ErrUnavailable, says: "incomplete"},
		{name: "not a script", change: func(t *testing.T, w *world) { w.write(t, "hello", time.Hour) }, want: usher.ErrUnavailable,
			class: "IncorrectConfiguration", says: "#!ipxe"},
		{name: "leaves the roots", change: func(t *testing.T, w *world) { w.write(t, "#!ipxe\n\nchain ../../../etc/x\n", time.Hour) },
			want: usher.ErrUnavailable, class: "IncorrectConfiguration", says: `line 3: "../../../etc/x" leads out of [deploy]http_url`},
		{name: "deployed elsewhere since", change: func(_ *testing.T, w *world) { w.node.ConductorAffinity = 2 },
			want: usher.ErrNotFound, says: "from before conductor there"},
		{name: "taken over by another", change: func(_ *testing.T, w *world) {
			w.node.ProvisionState, w.node.ConductorAffinity = usher.Active, 2
		}, want: usher.ErrNotFound},
		{name: "written after the other one died", change: func(_ *testing.T, w *world) {
			w.node.ConductorAffinity, w.active, w.other.UpdatedAt = 2, false, time.Now().Add(-2*time.Hour)
		}},
		{name: "written before the other one died", change: func(_ *testing.T, w *world) {
			w.node.ConductorAffinity, w.active, w.other.UpdatedAt = 2, false, time.Now()
		}, want: usher.ErrNotFound},
		{name: "an agent under a wrong name", change: func(_ *testing.T, w *world) { w.node.ConductorAffinity, w.unnamed = 2, true },
			want: usher.ErrUnavailable, says: "[DEFAULT]host"},
		{name: "PXELINUX's file is no grub.cfg", file: "grub.cfg", change: func(t *testing.T, w *world) {
			w.node.BootInterface = "http"
			w.grub(t, w.http, "default deploy\n\nlabel deploy\nkernel "+uuid+"/deploy_kernel\n", time.Hour)
		}, want: usher.ErrUnavailable, class: "IncorrectConfiguration", says: "PXELINUX"},
		{name: "an iPXE script is no grub.cfg", file: "grub.cfg", change: func(_ *testing.T, w *world) { w.node.BootInterface = "http" },
			want: usher.ErrUnavailable, class: "IncorrectConfiguration", says: "it is an iPXE script"},
		{name: "affinity's row is gone", change: func(_ *testing.T, w *world) { w.node.ConductorAffinity = 9 }},
		{name: "unknown node", change: func(_ *testing.T, w *world) { w.node.UUID = "other" }, want: usher.ErrNotFound},
		{name: "database down", change: func(_ *testing.T, w *world) {
			w.nodeErr = usher.Errorf(usher.ErrUnavailable, "connection lost")
		}, want: usher.ErrUnavailable, says: "connection lost"},
		{name: "other boot interface", change: func(_ *testing.T, w *world) { w.node.BootInterface = "redfish-virtual-media" },
			want: usher.ErrUnsupported},
		{name: "other file", file: "grub.cfg", want: usher.ErrUnsupported},
		{name: "no such root", file: "grub.cfg", change: func(_ *testing.T, w *world) { w.node.BootInterface = "pxe" },
			want: usher.ErrUnavailable, says: "[pxe]tftp_root"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.write(t, script, time.Hour)
			if c.change != nil {
				c.change(t, w)
			}
			file := c.file
			if file == "" {
				file = "boot.ipxe"
			}
			got, err := w.GetBootConfig(t.Context(), uuid, file)
			if e := w.Evidence(t.Context(), uuid, file); fmt.Sprint(e.Problem.Err()) != fmt.Sprint(err) || err == nil && e.Size != len(script) {
				t.Errorf("the evidence is %+v (%v), the answer %v", e, e.Problem.Err(), err)
			}
			if ready, ok := w.ReadyBootConfig(t.Context(), w.node, file); ok && w.nodeErr == nil && (err != nil || ready != got) {
				t.Errorf("ready with %q, but the answer is %q, %v", ready, got, err)
			}
			if c.want == nil && (err != nil || got != script) || c.want != nil && (!errors.Is(err, c.want) || got != "") {
				t.Fatalf("got %q, %v; want %v", got, err, c.want)
			}
			if c.says != "" && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
			class := cmp.Or(c.class, "TemporaryFailure")
			if e, ok := errors.AsType[*usher.Error](err); errors.Is(err, usher.ErrUnavailable) && (!ok || e.Class != class) {
				t.Errorf("%#v is not of class %s", err, class)
			}
		})
	}
}

// TestPermission: a disk that may not be read is not "no file", and the error
// says what to do. As root the file mode would not keep us out, so a folder
// that is a loop of links stands in for one that cannot be read, too.
func TestPermission(t *testing.T) {
	w := newWorld(t)
	if err := os.Symlink(uuid, filepath.Join(w.http, uuid)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.GetBootConfig(t.Context(), uuid, "boot.ipxe"); !errors.Is(err, usher.ErrUnavailable) || errors.Is(err, usher.ErrNotFound) {
		t.Errorf("loop: %v", err)
	}
	iface, _ := bootiface.Lookup("ipxe")
	err := w.explain(iface, &os.PathError{Op: "openat", Path: uuid + "/config", Err: os.ErrPermission})
	for _, word := range []string{w.http, "permission", "docs/ironic.md", account()} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not name %q", err, word)
		}
	}
	if !errors.Is(err, usher.ErrUnavailable) || !strings.Contains(w.log.String(), "cannot be read") {
		t.Errorf("%v\n%s", err, w.log.String())
	}
}

// TestBeingWritten: a file that Ironic is writing is waited for, and never
// served in part.
func TestBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		whole := "#!ipxe\n" + strings.Repeat("kernel http://192.0.2.1/k\n", 800) + "boot"
		w.write(t, "", 0)
		go func() {
			for _, size := range []int{0, 8192, 16384, len(whole)} {
				time.Sleep(30 * time.Millisecond)
				w.write(t, whole[:size], 0)
			}
		}()
		got, err := w.GetBootConfig(t.Context(), uuid, "boot.ipxe")
		if got != whole || err != nil {
			t.Errorf("%d bytes, %v; want %d", len(got), err, len(whole))
		}
		// One that never stops changing is not served at all.
		stop := make(chan struct{})
		go func() {
			for n := 0; ; n++ {
				w.write(t, fmt.Sprintf("%s\nkernel ../%d\n", whole, n), 0)
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}()
		time.Sleep(time.Millisecond) // its first writing
		if got, err := w.GetBootConfig(t.Context(), uuid, "boot.ipxe"); !errors.Is(err, usher.ErrUnavailable) || got != "" {
			t.Errorf("always changing: %d bytes, %v", len(got), err)
		}
		close(stop)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 80*time.Millisecond)
		defer cancel()
		w.write(t, "", 0)
		if _, err := w.GetBootConfig(ctx, uuid, "boot.ipxe"); !errors.Is(err, usher.ErrUnavailable) {
			t.Errorf("the caller's time is up: %v", err)
		}
	})
}

// wire calls an agent's methods as RPC does.
type wire struct {
	agent *Agent
	hosts []string
}

func (w *wire) Call(ctx context.Context, host, method string, params map[string]any, result any) error {
	w.hosts = append(w.hosts, host)
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	answer, err := w.agent.Methods()[method](ctx, raw)
	if err != nil {
		return err
	}
	if raw, err = json.Marshal(answer); err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

func TestAgents(t *testing.T) {
	w := newWorld(t)
	w.write(t, script, time.Hour)
	far := &wire{agent: w.Agent}
	agents := &Agents{Caller: far}
	s, err := agents.Status(t.Context(), "there")
	if err != nil || s.Host != "here" || s.Algorithm != "md5" || s.Exponent != 5 || time.Since(s.Clock).Abs() > time.Minute ||
		len(s.Roots) != 2 || s.Roots[0].Problem != "" || !strings.Contains(s.Roots[1].Problem, "no such file") {
		t.Errorf("status: %+v, %v", s, err)
	}
	if len(far.hosts) != 1 {
		t.Errorf("called by RPC: %v", far.hosts)
	}
	if _, err := w.Methods()[MethodGetBootConfig](t.Context(), json.RawMessage(`{"node_id":7}`)); !errors.Is(err, usher.ErrInvalid) {
		t.Errorf("bad parameters: %v", err)
	}
}
