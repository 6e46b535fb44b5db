// Command packaging builds what Usher is installed from: a Debian package for
// each architecture and one image for all of them. It is a module of its own,
// so that what only it needs is not in the program's go.mod. See
// scripts/package for how it is called.
//
// The same source gives the same bytes, whoever builds it, wherever: files
// bear the time of $SOURCE_DATE_EPOCH, else that of the commit.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "packaging:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("package", flag.ContinueOnError)
	out := flags.String("out", "dist", "folder for what is built")
	arches := flags.String("arch", "amd64,arm64", "architectures, as Go and Debian call them")
	source := flags.String("source", "..", "Usher's source tree")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: scripts/package [-out DIR] [-arch ARCH,...] [VERSION]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 1 {
		return fmt.Errorf("one VERSION at most, not %q", flags.Args())
	}
	root, err := filepath.Abs(*source)
	if err != nil {
		return err
	}
	src, err := openSource(ctx, root, flags.Arg(0))
	if err != nil {
		return err
	}
	names, err := build(ctx, src, *out, strings.Split(*arches, ","))
	for _, name := range names {
		fmt.Println(filepath.Join(*out, name))
	}
	return err
}
