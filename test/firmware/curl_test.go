package firmware

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// TestCurl: a kernel of a waiting node is fetched in pieces, resumed, asked
// for by HEAD and under conditions, with the client that people use for it.
func TestCurl(t *testing.T) {
	t.Parallel()
	program := testenv.NeedProgram(t, "curl")[0]
	l := newLab(t)
	s := l.serve("10.77.0.1", nil)
	n := s.add(t, "curl", "ipxe", mac(0x60))
	s.deploy(t, n)
	want, err := os.ReadFile(filepath.Join(l.dir, "vmlinuz"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(want)
	url := "http://10.77.0.1:6386/images/" + hex.EncodeToString(sum[:]) + "/deploy_kernel"
	file := filepath.Join(t.TempDir(), "kernel")
	curl := func(args ...string) string {
		t.Helper()
		p := l.Start("curl", exec.Command(program, append([]string{"-sS", "--fail"}, args...)...))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := p.Wait(ctx); err != nil {
			t.Fatalf("curl %q: %v\n%s", args, err, p.Log)
		}
		return p.Log.String()
	}
	same := func(when string) {
		t.Helper()
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v; want the kernel's %d", when, len(got), err, len(want))
		}
	}

	head := strings.ToLower(curl("--head", url))
	for _, header := range []string{"200 ok", "accept-ranges: bytes", "content-type: application/octet-stream", "last-modified: ", "etag: ", "immutable"} {
		if !strings.Contains(head, header) {
			t.Errorf("HEAD lacks %q:\n%s", header, head)
		}
	}
	if code := curl("-o", file, "-r", "0-99999", "-w", "%{http_code}", url); code != "206" {
		t.Errorf("a first piece: %s", code)
	}
	if code := curl("-o", file, "-C", "-", "-w", "%{http_code} %{size_download}", url); !strings.HasPrefix(code, "206 ") {
		t.Errorf("resumed: %s", code)
	}
	same("resumed")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if code := curl("-o", file, "-C", "-", "-R", "-w", "%{http_code}", url); code != "200" {
		t.Errorf("resumed from nothing: %s", code)
	}
	same("from nothing")
	if code := curl("-o", file, "-z", file, "-w", "%{http_code}", url); code != "304" {
		t.Errorf("if modified since what is here: %s", code)
	}
	same("unmodified")
	if code := curl("-o", file, "-w", "%{http_code}", "http://10.77.0.1:6386/"+n.uuid+"/deploy_kernel"); code != "200" {
		t.Errorf("by its node: %s", code)
	}
	same("by its node")
}
