// Command usher shows every network-booting machine to the conductor that
// holds its boot configuration.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/usher-boot/usher/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	code := cli.Main(ctx, os.Args[1:], cli.Env{
		Program: os.Args[0], Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Reload: reload,
	})
	stop()
	os.Exit(code)
}
