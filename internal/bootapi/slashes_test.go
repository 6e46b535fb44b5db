package bootapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-boot/usher/internal/dispatch"
)

type anyDecider struct{}

func (anyDecider) Decide(_ context.Context, r dispatch.Request) *dispatch.Decision {
	return &dispatch.Decision{Outcome: dispatch.Served, Config: r.MAC + " " + r.File}
}

// TestSlashes: shim, loaded by UEFI HTTP boot, asks for "//grubx64.efi", and
// GRUB beneath it for what is beside that; neither follows a redirect.
func TestSlashes(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "grubx64.efi"), []byte("GRUB"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	h := New(Options{Decider: anyDecider{}, Observe: func(context.Context, *dispatch.Decision) {},
		Scripts: map[string][]byte{"/grub/grub.cfg": []byte("root")}, Files: NewFiles(root)})
	for target, want := range map[string]string{
		"/grubx64.efi": "GRUB", "//grubx64.efi": "GRUB", "//grub/grub.cfg": "root", "//v1/boot/aa/grub.cfg": "aa grub.cfg",
		"//./grubx64.efi": "", "/grub//grub.cfg": "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = target
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch {
		case want == "" && w.Code != http.StatusNotFound:
			t.Errorf("%s: %d, want 404", target, w.Code)
		case want != "" && (w.Code != http.StatusOK || w.Body.String() != want):
			t.Errorf("%s: %d %q, want %q", target, w.Code, w.Body, want)
		}
	}
}
