// Package tracing makes OpenTelemetry traces of boot requests and sends them
// by OTLP over HTTP, where the standard environment variables say so: one span
// for the request and one for each of its steps, also of those in another
// process. It wraps the parts that take the steps; none of them knows of it,
// and where tracing is off nothing is wrapped.
//
// Spans name nodes and MAC addresses, which metrics may not. They never hold
// the content of a boot file.
package tracing

import (
	"cmp"
	"context"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options are what spans are told to come from. All are required.
type Options struct {
	Version string
	Host    string // [DEFAULT]host, which also names the conductor of this process
	Logger  *slog.Logger
	// Failed is called for each batch of spans that the collector did not take.
	Failed func()
}

// Tracing makes spans and sends them. It is safe for concurrent use.
type Tracing struct {
	host     string
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	context  propagation.TraceContext
}

// FromEnvironment returns nil where the environment names no collector
// (OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT), turns
// traces off (OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER), or is wrong, which is
// logged: machines boot without traces too. What else these variables say
// (headers, certificates, samplers, queues) holds as OpenTelemetry's SDK has it.
func FromEnvironment(ctx context.Context, o Options) *Tracing {
	wanted, problem := collector(os.Getenv)
	if problem != "" {
		o.Logger.Warn("no traces are sent: " + problem)
	}
	if !wanted || problem != "" {
		return nil
	}
	client, err := otlptracehttp.New(ctx)
	if err != nil {
		o.Logger.Warn("no traces are sent", "error", err)
		return nil
	}
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "usher"), attribute.String("service.version", o.Version),
			attribute.String("host.name", o.Host)),
		resource.WithTelemetrySDK(), resource.WithFromEnv()) // the last one wins
	if err != nil {
		o.Logger.Warn("OTEL_RESOURCE_ATTRIBUTES is not understood", "error", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(described),
		sdktrace.WithBatcher(&exporter{SpanExporter: client, logger: o.Logger, failed: o.Failed}))
	return &Tracing{host: o.Host, provider: provider, tracer: provider.Tracer("github.com/usher-boot/usher")}
}

// collector says whether the environment wants traces, or what is wrong with it.
func collector(env func(string) string) (wanted bool, problem string) {
	either := func(name string) (value, from string) {
		traces := "OTEL_EXPORTER_OTLP_TRACES_" + name
		if value := env(traces); value != "" {
			return value, traces
		}
		return env("OTEL_EXPORTER_OTLP_" + name), "OTEL_EXPORTER_OTLP_" + name
	}
	endpoint, from := either("ENDPOINT")
	if endpoint == "" || strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return false, ""
	}
	switch exporter := cmp.Or(env("OTEL_TRACES_EXPORTER"), "otlp"); exporter {
	case "otlp":
	case "none":
		return false, ""
	default:
		return true, "OTEL_TRACES_EXPORTER = " + exporter + ": Usher knows otlp and none"
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return true, from + " is no URL, such as http://collector:4318"
	}
	if protocol, from := either("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return true, from + " = " + protocol + ": Usher sends http/protobuf, which collectors take at port 4318"
	}
	return true, ""
}

// flushPatience bounds how long a stop waits for the collector.
const flushPatience = 3 * time.Second

// Stop sends what is left, and ends.
func (t *Tracing) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushPatience)
	defer cancel()
	return t.provider.Shutdown(ctx)
}
