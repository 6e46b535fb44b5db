package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
)

// BenchmarkBoot is one known MAC through the machines' door of "serve" on
// SQLite, all but the HTTP server itself.
func BenchmarkBoot(b *testing.B) {
	dir := b.TempDir()
	image := filepath.Join(dir, "image")
	if err := os.WriteFile(image, []byte("image"), 0o644); err != nil {
		b.Fatal(err)
	}
	a, err := New(b.Context(), Options{
		Role: Role{API: true, Conductor: true}, Log: io.Discard, Version: "bench",
		Load: func() (*config.Config, error) {
			return config.Load(config.Sources{Environ: []string{
				"OS_DEFAULT__STATE_PATH=" + dir, "OS_DEFAULT__MY_IP=127.0.0.1", "OS_API__PORT=0",
				"OS_USHER__BOOT_LISTEN=127.0.0.1:0", "OS_USHER__ADMIN_LISTEN=127.0.0.1:0",
				"OS_CONDUCTOR__FILE_URL_ALLOWED_PATHS=" + dir,
			}})
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := a.lifecycle.stop(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	if err := a.register(b.Context()); err != nil {
		b.Fatal(err)
	}
	node := &usher.Node{UUID: uuid.NewString(), Driver: "manual-management", BootInterface: "ipxe",
		DeployInterface: "direct", ProvisionState: usher.DeployWait,
		DriverInfo: map[string]any{"deploy_kernel": "file://" + image, "deploy_ramdisk": "file://" + image}}
	if err := a.store.CreateNode(b.Context(), node); err != nil {
		b.Fatal(err)
	}
	port := &usher.Port{UUID: uuid.NewString(), NodeID: node.ID, NodeUUID: node.UUID,
		Address: usher.MAC{0x52, 0x54, 0, 0, 0, 1}, PXEEnabled: true}
	if err := a.store.CreatePort(b.Context(), port); err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name, mac string
		status    int
	}{
		{"known", "52-54-00-00-00-01", http.StatusOK},
		{"unknown", "52-54-00-00-00-02", http.StatusNotFound},
	} {
		b.Run(bench.name, func(b *testing.B) {
			request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/v1/boot/"+bench.mac+"/boot.ipxe", nil)
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				a.machine.ServeHTTP(w, request)
				if w.Code != bench.status {
					b.Fatalf("status %d: %s", w.Code, w.Body)
				}
			}
		})
	}
}

// BenchmarkObserve is the log line, the metrics and the journal's entry of
// one decision.
func BenchmarkObserve(b *testing.B) {
	for _, format := range []string{"text", "json"} {
		b.Run(format, func(b *testing.B) {
			dir := b.TempDir()
			a, err := New(b.Context(), Options{
				Role: Role{API: true, Conductor: true}, Log: io.Discard, Version: "bench",
				Load: func() (*config.Config, error) {
					return config.Load(config.Sources{Environ: []string{
						"OS_DEFAULT__STATE_PATH=" + dir, "OS_DEFAULT__MY_IP=127.0.0.1", "OS_API__PORT=0",
						"OS_USHER__BOOT_LISTEN=127.0.0.1:0", "OS_USHER__ADMIN_LISTEN=127.0.0.1:0",
						"OS_DEFAULT__USE_JSON=" + fmt.Sprint(format == "json"),
					}})
				},
			})
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := a.lifecycle.stop(context.Background()); err != nil {
					b.Error(err)
				}
			}()
			decision := &dispatch.Decision{RequestID: "req-4d3632b1-b0e4-5430-a3a1-404727e029e8", Time: time.Now(), Remote: "192.0.2.1",
				AskedMAC: "52-54-00-12-34-56", MAC: usher.MAC{0x52, 0x54, 0, 0x12, 0x34, 0x56}, File: "boot.ipxe",
				Node:  usher.BootNode{UUID: "4d3632b1-b0e4-5430-a3a1-404727e029e8", Name: "node-1", ProvisionState: usher.DeployWait, Driver: "manual-management"},
				Owner: "conductor-1", AnsweredBy: "conductor-1", Outcome: dispatch.Served, Cause: dispatch.CauseServed}
			b.ReportAllocs()
			for b.Loop() {
				a.observe(b.Context(), decision)
			}
		})
	}
}
