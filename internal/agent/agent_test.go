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
	"slices"
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
	node       usher.BootNode
	nodeErr    error
	other      usher.Conductor // conductors.id 2; 1 is this host's of now, 3 its row of before an upgrade
	active     bool
	here       string   // conductors.hostname of id 1
	registered []string // what else is active
	unnamed    bool     // no conductor has this host's name
	rowsErr    error
	http       string
	tftp       string // made by tests that need it
	log        bytes.Buffer
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
		return usher.Conductor{ID: 1, Hostname: w.here}, true, nil
	case 2:
		return w.other, w.active, nil
	case 3:
		return usher.Conductor{ID: 3, Hostname: "here"}, false, nil
	}
	return usher.Conductor{}, false, usher.Errorf(usher.ErrNotFound, "Conductor %d could not be found.", id)
}

func (w *world) ActiveAs(_ context.Context, name string) (found []usher.Conductor, err error) {
	for _, host := range append([]string{w.here}, w.registered...) {
		if usher.SameConductor(host, name) && !w.unnamed {
			found = append(found, usher.Conductor{Hostname: host})
		}
	}
	return found, w.rowsErr
}

// Beside is as membership's, whose own tests have its rules.
func (w *world) Beside(ctx context.Context, name string) (usher.Conductor, error) {
	found, err := w.ActiveAs(ctx, name)
	if err == nil && len(found) != 1 {
		err = usher.Errorf(usher.ErrUnavailable, "%d conductors have this [DEFAULT]host", len(found))
	}
	return append(found, usher.Conductor{})[0], err
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{http: t.TempDir(), tftp: filepath.Join(t.TempDir(), "none"), active: true, here: "here",
		other: usher.Conductor{ID: 2, Hostname: "there"},
		node:  usher.BootNode{UUID: uuid, BootInterface: "ipxe", ProvisionState: usher.DeployWait, ConductorAffinity: 1}}
	disk, err := ironicdisk.New(ironicdisk.Options{HTTPRoot: w.http, TFTPRoot: w.tftp},
		ironicdisk.URLs{HTTP: "http://192.0.2.1:8080", Files: "http://192.0.2.1:6389"})
	if err != nil {
		t.Fatal(err)
	}
	w.Agent = New(Options{Host: "here", Name: "here", Nodes: w, Conductors: w, Disk: disk, Restrict: func() bool { return true }, Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
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
		{name: "registered with its port", change: func(_ *testing.T, w *world) { w.here, w.o.Name = "here:6189", "here:6189" }},
		{name: "registered with its port, which is not known here", change: func(_ *testing.T, w *world) { w.here = "here:6189" }},
		{name: "prepared before an upgrade", change: func(_ *testing.T, w *world) {
			w.here, w.o.Name, w.node.ConductorAffinity = "here:6189", "here:6189", 3
		}},
		{name: "prepared before an upgrade, the port is not known here", change: func(_ *testing.T, w *world) {
			w.here, w.node.ConductorAffinity = "here:6189", 3
		}},
		{name: "prepared before an upgrade, and nothing is active", change: func(_ *testing.T, w *world) {
			w.o.Name, w.node.ConductorAffinity, w.unnamed = "here:6189", 3, true
		}},
		{name: "upgraded, deployed elsewhere", change: func(_ *testing.T, w *world) {
			w.here, w.o.Name, w.node.ConductorAffinity, w.other.Hostname = "here:6189", "here:6189", 2, "there:6189"
		}, want: usher.ErrNotFound, says: "from before conductor there:6189"},
		{name: "deployed by the other conductor of this host", change: func(_ *testing.T, w *world) {
			w.here, w.o.Name, w.node.ConductorAffinity, w.other.Hostname = "here:1", "here:1", 2, "here:2"
		}, want: usher.ErrNotFound, says: "from before conductor here:2"},
		{name: "which of two on this host it is beside is not known", change: func(_ *testing.T, w *world) {
			w.here, w.registered, w.node.ConductorAffinity, w.other.Hostname = "here:1", []string{"here:2"}, 2, "here:2"
		}, want: usher.ErrUnavailable, says: "2 conductors have this"},
		{name: "conductors cannot be read", change: func(_ *testing.T, w *world) {
			w.here, w.rowsErr = "here:6189", usher.Errorf(usher.ErrUnavailable, "connection lost")
		}, want: usher.ErrUnavailable, says: "connection lost"},
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
	if s.Problem != "" || !s.Is("here") || !s.Is("here:6189") || s.Is("there") {
		t.Errorf("it is beside another one than here: %+v", s)
	}
	// Older doctors compare Host with the row, letter by letter.
	w.here, w.o.Name = "here:6189", "here:6189"
	s, err = agents.Status(t.Context(), "there")
	if err != nil || s.Host != "here:6189" || !slices.Equal(s.Names, []string{"here:6189", "here"}) || !s.Is("here") || !s.Is("here:6189") || s.Is("here:1") {
		t.Errorf("status: %+v, %v", s, err)
	}
	w.unnamed = true
	s, err = agents.Status(t.Context(), "there")
	if err != nil || s.Host != "here" || s.Problem != "0 conductors have this [DEFAULT]host" {
		t.Errorf("status without a row: %+v, %v", s, err)
	}
	if old := (Status{Host: "here"}); !old.Is("here") || old.Is("here:6189") {
		t.Error("an older agent knows its conductor by the bare name only")
	}
	if _, err := w.Methods()[MethodGetBootConfig](t.Context(), json.RawMessage(`{"node_id":7}`)); !errors.Is(err, usher.ErrInvalid) {
		t.Errorf("bad parameters: %v", err)
	}
}
