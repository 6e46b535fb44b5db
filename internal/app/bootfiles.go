package app

import (
	"context"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootrpc"
	"github.com/usher-boot/usher/internal/jsonrpc"
	"github.com/usher-boot/usher/internal/metrics"
)

// useConductors joins those who have boot files: the conductor or agent in
// this process by a function call, all others by RPC.
func (a *App) useConductors(caller bootrpc.Caller) {
	o := bootrpc.Options{IsLocal: a.isLocal, Caller: caller,
		Timeout: func() time.Duration { return a.cfg.Load().Usher.RPCTimeout },
		Failed:  func(host string, err error) { a.rpcFailed(host, jsonrpc.KindOf(err)) }}
	if a.tracing != nil {
		o.Alone = a.tracing.Sampled // the call goes with the trace of its request
	}
	switch {
	case a.local != nil:
		o.Local = a.local
	case a.agent != nil:
		o.Local = a.agent
	}
	a.conductors = bootrpc.New(o)
}

// readyFiles are the boot files that this process can give others at once.
func (a *App) readyFiles() bootrpc.Ready {
	counted := readyFiles{Ready: a.local, answers: a.metrics.RPCAnswers(bootrpc.Method)}
	if a.agent != nil {
		counted.Ready = a.agent
	}
	return counted
}

// readyFiles counts the boot files as if each had been called for.
type readyFiles struct {
	bootrpc.Ready
	answers metrics.RPCAnswers
}

func (r readyFiles) ReadyBootConfig(ctx context.Context, node usher.BootNode, file string) (string, bool) {
	config, ok := r.Ready.ReadyBootConfig(ctx, node, file)
	if ok {
		r.answers.OK.Inc()
	}
	return config, ok
}
