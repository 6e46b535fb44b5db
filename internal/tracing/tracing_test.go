package tracing

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// The test of the whole program, in test/telemetry, has the rest.

func TestCollector(t *testing.T) {
	for _, tc := range []struct {
		env     string // "NAME=value ..."
		wanted  bool
		problem string
	}{
		{"", false, ""},
		{"OTEL_SERVICE_NAME=usher OTEL_TRACES_EXPORTER=otlp", false, ""}, // nobody to send to
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", true, ""},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://c/v1/traces", true, ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318 OTEL_SDK_DISABLED=TRUE", false, ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318 OTEL_TRACES_EXPORTER=none", false, ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318 OTEL_TRACES_EXPORTER=zipkin", true, "zipkin"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=c:4318", true, "OTEL_EXPORTER_OTLP_ENDPOINT is no URL"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=c OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c", true, ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc", true, "OTEL_EXPORTER_OTLP_PROTOCOL = grpc"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf", true, ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json", true, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL = http/json"},
	} {
		env := map[string]string{}
		for _, variable := range strings.Fields(tc.env) {
			name, value, _ := strings.Cut(variable, "=")
			env[name] = value
		}
		wanted, problem := collector(func(name string) string { return env[name] })
		if wanted != tc.wanted || !strings.Contains(problem, tc.problem) || tc.problem == "" && problem != "" {
			t.Errorf("%s: %t, %q; want %t, %q", tc.env, wanted, problem, tc.wanted, tc.problem)
		}
	}
}

// flaky is a collector that takes spans or not.
type flaky struct {
	*tracetest.InMemoryExporter
	err error
}

func (f *flaky) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if f.err != nil {
		return f.err
	}
	return f.InMemoryExporter.ExportSpans(ctx, spans)
}

// An outage of the collector and its end are told once each.
func TestOutageIsToldOnce(t *testing.T) {
	var log bytes.Buffer
	failed := 0
	f := &flaky{InMemoryExporter: tracetest.NewInMemoryExporter()}
	e := &exporter{SpanExporter: f, logger: slog.New(slog.NewTextHandler(&log, nil)), failed: func() { failed++ }}
	for _, err := range []error{nil, errors.New("down"), errors.New("down"), nil, nil, errors.New("down")} {
		f.err = err
		if err := e.ExportSpans(t.Context(), nil); err != nil {
			t.Errorf("told the SDK: %v", err)
		}
	}
	if n := strings.Count(log.String(), "does not take spans"); n != 2 || strings.Count(log.String(), "takes spans again") != 1 || failed != 3 {
		t.Errorf("%d failed:\n%s", failed, log.String())
	}
}
