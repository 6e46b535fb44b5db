package tracing

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
)

// Decider decides boot requests.
type Decider interface {
	Decide(ctx context.Context, r dispatch.Request) *dispatch.Decision
}

// Decider makes the span of a whole request. It begins a trace of its own: a
// machine is a stranger, and does not decide what is traced.
func (t *Tracing) Decider(next Decider) Decider { return decider{t, next} }

type decider struct {
	t    *Tracing
	next Decider
}

func (d decider) Decide(ctx context.Context, r dispatch.Request) *dispatch.Decision {
	ctx, span := d.t.tracer.Start(ctx, "GET /v1/boot/{mac}/{file}", trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	dec := d.next.Decide(ctx, r)
	if span.IsRecording() {
		describe(span, dec)
	}
	return dec
}

// describe gives a span what the request's log line has.
func describe(span trace.Span, d *dispatch.Decision) {
	mac := d.AskedMAC
	if d.MAC != (usher.MAC{}) {
		mac = d.MAC.String()
	}
	attributes := []attribute.KeyValue{
		attribute.String("http.request.method", http.MethodGet),
		attribute.String("http.route", "/v1/boot/{mac}/{file}"),
		attribute.Int("http.response.status_code", status(d.Outcome)),
		attribute.String("client.address", d.Remote),
		attribute.String("usher.request_id", d.RequestID),
		attribute.String("usher.mac", word(mac)),
		attribute.String("usher.file", word(d.File)),
		attribute.String("usher.outcome", string(d.Outcome)),
		attribute.String("usher.cause", string(d.Cause)),
	}
	for key, value := range map[string]string{
		"usher.node": d.Node.UUID, "usher.node.name": d.Node.Name, "usher.node.provision_state": string(d.Node.ProvisionState),
		"usher.owner": d.Owner, "usher.conductor": d.AnsweredBy,
	} {
		if value != "" {
			attributes = append(attributes, attribute.String(key, word(value)))
		}
	}
	span.SetAttributes(attributes...)
	if d.Outcome == dispatch.NotNow && d.Err != nil {
		span.SetStatus(codes.Error, word(d.Err.Error()))
	}
}

// status is what the machines' door answers.
func status(o dispatch.Outcome) int {
	switch o {
	case dispatch.Served:
		return http.StatusOK
	case dispatch.No:
		return http.StatusNotFound
	case dispatch.Refused:
		return http.StatusTooManyRequests
	}
	return http.StatusServiceUnavailable
}

// word is what strangers wrote, as OTLP can carry it.
func word(s string) string { return strings.ToValidUTF8(s, "?") }
