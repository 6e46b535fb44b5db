package testenv

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// InMountNamespace says that the calling top-level test runs in a mount
// namespace of its own, where it may mount a file system that is really
// small. Elsewhere it runs the test again in one, reports how that went, and
// returns false: the caller returns.
func InMountNamespace(t *testing.T) bool {
	t.Helper()
	const inside = "USHER_TEST_MOUNT_NAMESPACE"
	if os.Getenv(inside) != "" {
		return true
	}
	unshare := NeedProgram(t, "unshare")[0]
	cmd := exec.CommandContext(t.Context(), unshare, "--mount", "--map-root-user", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}
