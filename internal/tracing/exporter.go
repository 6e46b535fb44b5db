package tracing

import (
	"context"
	"log/slog"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporter tells an outage of the collector once, where the SDK would tell
// each batch to a handler that all of a process share.
type exporter struct {
	sdktrace.SpanExporter
	logger *slog.Logger
	failed func()
	down   atomic.Bool
}

func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil:
		e.failed()
		if !e.down.Swap(true) {
			e.logger.Warn("the collector of traces does not take spans, they are lost", "error", err)
		}
	case e.down.Swap(false):
		e.logger.Info("the collector of traces takes spans again")
	}
	return nil // it has been told
}
