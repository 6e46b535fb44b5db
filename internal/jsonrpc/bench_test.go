package jsonrpc_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/jsonrpc"
)

// BenchmarkCall is one get_boot_config over a connection that is open
// already, with client and server in this process.
func BenchmarkCall(b *testing.B) {
	file := strings.Repeat("x", 1200)
	server := jsonrpc.NewServer(jsonrpc.ServerOptions{Logger: slog.New(slog.DiscardHandler), Methods: map[string]jsonrpc.Method{
		"get_boot_config": func(context.Context, json.RawMessage) (any, error) { return file, nil },
	}})
	listener := httptest.NewServer(server)
	defer listener.Close()
	client, err := jsonrpc.NewClient(jsonrpc.ClientOptions{Port: 8089, Timeout: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	host := listener.Listener.Addr().String()
	params := map[string]any{"node_id": "4d3632b1-b0e4-5430-a3a1-404727e029e8", "name": "boot.ipxe"}
	b.ReportAllocs()
	for b.Loop() {
		var got string
		if err := client.Call(b.Context(), host, "get_boot_config", params, &got); err != nil || len(got) != len(file) {
			b.Fatal(err, len(got))
		}
	}
}
