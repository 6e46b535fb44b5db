package telemetry

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// patience is how long anything may take on a busy machine.
const patience = 60 * time.Second

// process is one usher.
type process struct {
	t      *testing.T
	conf   string
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // how it ended
	output testenv.Log
}

// configure writes a configuration; options read "[group]name=value".
func configure(t *testing.T, options ...string) (conf string) {
	t.Helper()
	text := testenv.Config(append([]string{"[DEFAULT]state_path=" + t.TempDir(), "[DEFAULT]my_ip=127.0.0.1", "[api]port=0",
		"[usher]boot_listen=127.0.0.1:0", "[usher]admin_listen=127.0.0.1:0"}, options...)...)
	conf = filepath.Join(t.TempDir(), "usher.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return conf
}

// start runs a role until the end of the test and waits until it is up. Of
// OpenTelemetry's variables it gets those in env alone.
func start(t *testing.T, role, conf string, env ...string) *process {
	t.Helper()
	p := &process{t: t, conf: conf, exited: make(chan struct{})}
	p.cmd = exec.Command(program, "--config-file", conf, role)
	p.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OTEL_") }), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := testenv.Start(p.cmd, nil, func(err error) { p.err = err; close(p.exited) }); err != nil {
		t.Fatalf("start %s: %v", role, err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("usher %s said:\n%s", role, p.output.String())
		}
	})
	p.await("it is up", func() bool { return strings.Contains(p.output.String(), "usher is up") })
	return p
}

// await waits until something is so.
func (p *process) await(what string, so func() bool) {
	p.t.Helper()
	testenv.Until(p.t, patience, what, func() bool {
		if so() {
			return true
		}
		select {
		case <-p.exited:
			p.t.Fatalf("ended (%v) before %s", p.err, what)
		default:
		}
		return false
	})
}

// stop asks the process to end and waits until it has.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatal("it does not end")
	}
	if p.err != nil {
		p.t.Errorf("ended with %v when asked to stop", p.err)
	}
}

// at is the URL of a door, as the start-up notice has it.
func (p *process) at(door string) string {
	p.t.Helper()
	found := regexp.MustCompile(`(?m)^ +` + door + ` +(http://\S+)`).FindStringSubmatch(p.output.String())
	if found == nil {
		found = regexp.MustCompile(`(?m)^ +` + door + ` +(\S+:\d+)`).FindStringSubmatch(p.output.String())
	}
	if found == nil {
		p.t.Fatalf("no %s door:\n%s", door, p.output.String())
	}
	return found[1]
}

func (p *process) get(door, path string) (status int, body string) {
	p.t.Helper()
	response, err := http.Get(p.at(door) + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// run runs a command of the program for the management door of p.
func (p *process) run(args ...string) string {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), program, append([]string{"--config-file", p.conf}, args...)...)
	cmd.Env = append(os.Environ(), "OS_ENDPOINT="+p.at("management"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("usher %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// upgrade makes the tables of a database.
func upgrade(t *testing.T, conf string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, "--config-file", conf, "db", "upgrade").CombinedOutput(); err != nil {
		t.Fatalf("usher db upgrade: %v\n%s", err, out)
	}
}

const (
	aMAC     = "52:54:00:12:34:56"
	bootPath = "/v1/boot/" + aMAC + "/boot.ipxe"
)

// deploy makes a node that waits for its ramdisk, and waits until its boot
// file is there.
func (p *process) deploy() {
	p.t.Helper()
	image := filepath.Join(p.t.TempDir(), "image")
	if err := os.WriteFile(image, []byte("image"), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.run("node", "add", "n1", "--mac", aMAC, "--kernel", "file://"+image, "--ramdisk", "file://"+image)
	p.run("node", "deploy", "n1")
	p.await("the boot file is there", func() bool { status, _ := p.get("machines", bootPath); return status == http.StatusOK })
}

// allowFiles lets images come from the tests' folders.
const allowFiles = "[conductor]file_url_allowed_paths=/"
