package tracing

import (
	"context"
	"encoding/json"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Header puts the trace of ctx into the header of a call: W3C's traceparent.
func (t *Tracing) Header(ctx context.Context, h http.Header) {
	t.context.Inject(ctx, propagation.HeaderCarrier(h))
}

// Sampled says that ctx belongs to a trace that is sent.
func (t *Tracing) Sampled(ctx context.Context) bool {
	return trace.SpanContextFromContext(ctx).IsSampled()
}

// Server takes the trace of a call from its header.
func (t *Tracing) Server(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(t.context.Extract(r.Context(), propagation.HeaderCarrier(r.Header))))
	})
}

// Method answers one RPC method.
type Method = func(ctx context.Context, params json.RawMessage) (any, error)

// Method makes a span of each answer to a call that belongs to a trace.
func (t *Tracing) Method(name string, next Method) Method {
	return func(ctx context.Context, params json.RawMessage) (any, error) {
		if !trace.SpanContextFromContext(ctx).IsValid() {
			return next(ctx, params)
		}
		ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("rpc.method", name), attribute.String("usher.conductor", word(t.host))))
		defer span.End()
		result, err := next(ctx, params)
		fail(span, err)
		return result, err
	}
}
