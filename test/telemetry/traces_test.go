package telemetry

import (
	"bytes"
	"net"
	"net/http"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/usher-boot/usher/internal/testenv"
)

// root is the name of the span of a whole request.
const root = "GET /v1/boot/{mac}/{file}"

// One request, answered by a conductor in another process, is one trace: each
// span is the child of the step that it is part of.
func TestTraceAcrossRPC(t *testing.T) {
	t.Parallel()
	database := testenv.MariaDB(t)
	c := newCollector(t)
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_BSP_SCHEDULE_DELAY=100",
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment=test"}
	conf := configure(t, "[database]connection="+database, "[DEFAULT]host=conductor-1", "[usher]rpc_listen=127.0.0.1:0", allowFiles)
	upgrade(t, conf)
	conductor := start(t, "conductor", conf, env...)
	api := start(t, "api", configure(t, "[database]connection="+database, "[DEFAULT]host=api-1",
		"[usher]rpc_addresses=conductor-1:"+conductor.at("RPC")), append(env, "OTEL_SERVICE_NAME=usher-front")...)
	api.deploy()

	_, stranger := api.get("machines", "/v1/boot/52:54:00:00:00:01/boot.ipxe")
	_, file := api.get("machines", bootPath)
	if stranger == file {
		t.Fatal("a stranger got a boot file")
	}
	// OTLP carries no bytes that are no text: what a stranger wrote must not
	// lose the spans of others.
	if status, _ := api.get("machines", "/v1/boot/%ff%fe/boot.ipxe"); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
	// What was sent is all there is: the end of each process flushes it.
	api.stop()
	conductor.stop()

	var whole, unknown, bad map[string]span
	for _, trace := range c.traces() {
		request, ok := trace[root]
		if !ok {
			t.Errorf("a trace without a request: %v", trace)
			continue
		}
		switch request.attributes()["usher.cause"] {
		case "served":
			whole = trace
		case "unknown_mac":
			unknown = trace
		case "bad_mac":
			bad = trace
		}
	}
	if whole == nil || unknown == nil || bad == nil {
		t.Fatalf("no trace of the requests: %v", c.traces())
	}

	parents := map[string]string{root: "", "database": root, "ring": root, "rpc": root, "get_boot_config": "rpc", "disk": "get_boot_config"}
	if len(whole) != len(parents) {
		t.Errorf("spans: %v", whole)
	}
	for name, parent := range parents {
		s, ok := whole[name]
		if !ok {
			t.Errorf("no span %q", name)
			continue
		}
		if parent == "" && len(s.GetParentSpanId()) != 0 || parent != "" && !bytes.Equal(s.GetParentSpanId(), whole[parent].GetSpanId()) {
			t.Errorf("the parent of %q is not %q", name, parent)
		}
		if s.GetEndTimeUnixNano() < s.GetStartTimeUnixNano() || s.GetStartTimeUnixNano() == 0 {
			t.Errorf("%q is from %d to %d", name, s.GetStartTimeUnixNano(), s.GetEndTimeUnixNano())
		}
		service := map[bool]string{true: "usher", false: "usher-front"}[name == "get_boot_config" || name == "disk"]
		if s.resource["service.name"] != service || s.resource["deployment.environment"] != "test" || s.resource["service.version"] == "" {
			t.Errorf("%q comes from %v", name, s.resource)
		}
		if text := prototext.Format(s); strings.Contains(text, "#!ipxe") || strings.Contains(text, "ipa-") {
			t.Errorf("%q holds the boot file: %s", name, text)
		}
	}
	got := whole[root].attributes()
	for key, want := range map[string]string{"usher.mac": aMAC, "usher.file": "boot.ipxe", "usher.outcome": "served", "usher.cause": "served",
		"usher.owner": "conductor-1", "usher.conductor": "conductor-1", "usher.node.name": "n1", "usher.node.provision_state": "wait call-back"} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	if got["usher.node"] == "" || got["usher.node"] != whole["database"].attributes()["usher.node"] {
		t.Errorf("node %q, the database's %q", got["usher.node"], whole["database"].attributes()["usher.node"])
	}
	if len(unknown) != 2 || unknown[root].GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("trace of a stranger: %v", unknown)
	}
}

// In one process the conductor is called and not asked by RPC.
func TestTraceInOneProcess(t *testing.T) {
	t.Parallel()
	testenv.NeedProgram(t, "go") // which has built the program
	c := newCollector(t)
	p := start(t, "serve", configure(t, allowFiles), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+c.URL+"/v1/traces")
	p.deploy()
	p.stop()
	for _, trace := range c.traces() {
		if trace[root].attributes()["usher.cause"] != "served" {
			continue
		}
		if len(trace) != 5 || !bytes.Equal(trace["disk"].GetParentSpanId(), trace["rpc"].GetSpanId()) ||
			trace["rpc"].GetKind() != tracepb.Span_SPAN_KIND_INTERNAL {
			t.Errorf("spans: %v", trace)
		}
		return
	}
	t.Errorf("no trace of the boot: %v", c.traces())
}

// Without a collector machines are answered as ever, its absence is told once,
// and a stop does not wait for it.
func TestCollectorDown(t *testing.T) {
	t.Parallel()
	testenv.NeedProgram(t, "go") // which has built it
	for name, endpoint := range map[string]string{"refuses": closed(t), "hangs": hung(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, "serve", configure(t, allowFiles), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+endpoint, "OTEL_BSP_SCHEDULE_DELAY=50",
				"OTEL_BSP_MAX_QUEUE_SIZE=10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=5", "OTEL_EXPORTER_OTLP_TIMEOUT=200", "OTEL_BSP_EXPORT_TIMEOUT=400")
			p.deploy()
			for range 100 { // more than the queue takes
				if status, body := p.get("machines", bootPath); status != http.StatusOK {
					t.Fatalf("%d %s", status, body)
				}
			}
			p.await("the outage is told", func() bool { return strings.Contains(p.output.String(), "does not take spans") })
			p.await("the outage is counted", func() bool {
				_, metrics := p.get("admin", "/metrics")
				return strings.Contains(metrics, "\nusher_trace_export_failures_total ") && !strings.Contains(metrics, "\nusher_trace_export_failures_total 0")
			})
			p.stop()
			if n := strings.Count(p.output.String(), "does not take spans"); n != 1 {
				t.Errorf("told %d times", n)
			}
		})
	}
}

// Where nobody wants traces none are made, and what is wrong in the
// environment keeps no machine from booting.
func TestTracesOff(t *testing.T) {
	t.Parallel()
	testenv.NeedProgram(t, "go")
	for name, tc := range map[string]struct{ env, says string }{
		"disabled": {"OTEL_SDK_DISABLED=true", ""},
		"none":     {"OTEL_TRACES_EXPORTER=none", ""},
		"sampler":  {"OTEL_TRACES_SAMPLER=always_off", ""},
		"gRPC":     {"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_PROTOCOL = grpc: Usher sends http/protobuf"},
		"no URL":   {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCollector(t)
			p := start(t, "serve", configure(t), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, tc.env)
			if status, _ := p.get("machines", bootPath); status != http.StatusNotFound {
				t.Errorf("status %d", status)
			}
			p.stop()
			if len(c.traces()) != 0 {
				t.Errorf("traces: %v", c.traces())
			}
			if !strings.Contains(p.output.String(), tc.says) || tc.says == "" && strings.Contains(p.output.String(), "no traces are sent") {
				t.Errorf("it does not say %q", tc.says)
			}
		})
	}
}

// closed is where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String() + "/v1/traces"
}

// hung is where connections are taken and nothing is said.
func hung(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "http://" + l.Addr().String() + "/v1/traces"
}
