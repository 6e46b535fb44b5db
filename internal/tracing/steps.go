package tracing

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
)

// Nodes makes a span of each look-up in the database.
func (t *Tracing) Nodes(next dispatch.Nodes) dispatch.Nodes { return nodes{t, next} }

type nodes struct {
	t    *Tracing
	next dispatch.Nodes
}

func (n nodes) BootNodeByMAC(ctx context.Context, mac usher.MAC) (usher.BootNode, error) {
	ctx, span := n.t.tracer.Start(ctx, "database", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	node, err := n.next.BootNodeByMAC(ctx, mac)
	if node.UUID != "" {
		span.SetAttributes(attribute.String("usher.node", node.UUID))
	}
	fail(span, err)
	return node, err
}

// Rings makes a span of each look-up in the hash ring.
func (t *Tracing) Rings(next dispatch.Rings) dispatch.Rings { return rings{t, next} }

type rings struct {
	t    *Tracing
	next dispatch.Rings
}

func (r rings) Owners(ctx context.Context, group, driver, key string) ([]string, error) {
	ctx, span := r.t.tracer.Start(ctx, "ring")
	defer span.End()
	hosts, err := r.next.Owners(ctx, group, driver, key)
	if len(hosts) > 0 {
		span.SetAttributes(attribute.String("usher.owner", word(hosts[0])))
	}
	fail(span, err)
	return hosts, err
}

// Conductors makes a span of each conductor that is asked.
func (t *Tracing) Conductors(next dispatch.Conductors) dispatch.Conductors {
	return conductors{t, next}
}

type conductors struct {
	t    *Tracing
	next dispatch.Conductors
}

func (c conductors) GetBootConfig(ctx context.Context, host string, node usher.BootNode, file string) (string, error) {
	kind := trace.SpanKindClient
	if host == c.t.host {
		kind = trace.SpanKindInternal
	}
	ctx, span := c.t.tracer.Start(ctx, "rpc", trace.WithSpanKind(kind), trace.WithAttributes(
		attribute.String("rpc.method", "get_boot_config"), attribute.String("usher.conductor", word(host))))
	defer span.End()
	config, err := c.next.GetBootConfig(ctx, host, node, file)
	fail(span, err)
	return config, err
}

// DiskRead makes the span of a boot file that was read since start.
func (t *Tracing) DiskRead(ctx context.Context, start time.Time, err error) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return
	}
	_, span := t.tracer.Start(ctx, "disk", trace.WithTimestamp(start))
	defer span.End()
	fail(span, err)
}

// fail marks a step that failed; that there is no such node or file is an answer.
func fail(span trace.Span, err error) {
	if err == nil || errors.Is(err, usher.ErrNotFound) || errors.Is(err, usher.ErrUnsupported) {
		return
	}
	span.SetStatus(codes.Error, word(err.Error()))
}
