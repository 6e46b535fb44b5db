package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/conductor"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/jsonrpc"
	"github.com/usher-boot/usher/internal/tracing"
)

// buildTracing makes traces, where the environment wants them. They are sent
// to their end when the doors have been drained.
func (a *App) buildTracing(ctx context.Context, _ *config.Config) error {
	a.tracing = tracing.FromEnvironment(ctx, tracing.Options{Version: a.version, Host: a.host, Logger: a.logger,
		Failed: a.metrics.TraceExportFailed})
	if a.tracing != nil {
		a.lifecycle.onStop("traces", func(ctx context.Context) error {
			ctx, cancel := graced(ctx)
			defer cancel()
			return a.tracing.Stop(ctx)
		})
	}
	return nil
}

// traced makes the Decider of these parts, with a span for each of its steps
// where there are traces.
func (a *App) traced(o dispatch.Options) bootapi.Decider {
	if a.tracing == nil {
		return dispatch.New(o)
	}
	o.Nodes, o.Rings, o.Conductors = a.tracing.Nodes(o.Nodes), a.tracing.Rings(o.Rings), a.tracing.Conductors(o.Conductors)
	return a.tracing.Decider(dispatch.New(o))
}

// toldBy is what the metrics and traces hear of a conductor.
func (a *App) toldBy() conductor.Told {
	return conductor.Told{BootFileRead: a.bootFileRead(), Prepared: a.metrics.NodePrepared}
}

// bootFileRead notes the reading of a boot file.
func (a *App) bootFileRead() func(ctx context.Context, start time.Time, err error) {
	if a.tracing == nil {
		return func(_ context.Context, start time.Time, _ error) { a.metrics.DiskRead(time.Since(start)) }
	}
	return func(ctx context.Context, start time.Time, err error) {
		a.metrics.DiskRead(time.Since(start))
		a.tracing.DiskRead(ctx, start, err)
	}
}

// callWith counts what fails of the calls that are made with these options,
// and lets traces go with them.
func (a *App) callWith(o jsonrpc.ClientOptions) jsonrpc.ClientOptions {
	o.Failed = a.rpcFailed
	if a.tracing != nil {
		o.Header = a.tracing.Header
	}
	return o
}

// rpcFailed counts a call that failed; one that its caller gave up has no kind.
func (a *App) rpcFailed(host string, k jsonrpc.Kind) {
	if k != "" {
		a.metrics.RPCFailed(host, string(k))
	}
}

// observed counts the answers of each method, and makes spans of them where
// there are traces.
func (a *App) observed(methods map[string]jsonrpc.Method) map[string]jsonrpc.Method {
	all := make(map[string]jsonrpc.Method, len(methods))
	for name, method := range methods {
		if a.tracing != nil {
			method = a.tracing.Method(name, method)
		}
		answers := a.metrics.RPCAnswers(name)
		all[name] = func(ctx context.Context, params json.RawMessage) (any, error) {
			result, err := method(ctx, params)
			switch _, refused := errors.AsType[*usher.Error](err); {
			case err == nil:
				answers.OK.Inc()
			case refused:
				answers.Refused.Inc()
			default:
				answers.Failed.Inc()
			}
			return result, err
		}
	}
	return all
}

// traceable takes the trace of a call from its header.
func (a *App) traceable(next http.Handler) http.Handler {
	if a.tracing == nil {
		return next
	}
	return a.tracing.Server(next)
}
