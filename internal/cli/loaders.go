package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/app"
)

type loadersCmd struct {
	Dir  string   `arg:"" optional:"" help:"Put them into DIR/tftpboot and DIR/httpboot. Default: [pxe]tftp_root and [deploy]http_root."`
	Arch []string `placeholder:"ARCH" enum:"amd64,arm64" default:"amd64" help:"Architecture of the machines: amd64 or arm64; may be repeated. Default: ${default}."`
}

// Run installs what is there, and fails at the end where something is not.
func (c *loadersCmd) Run(s *session) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	results, err := app.InstallLoaders(s.ctx, cfg, c.Dir, c.Arch)
	if err != nil {
		return err
	}
	var packages, files []string
	t := tabwriter.NewWriter(s.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "ROOT\tLOADER\tFROM")
	for _, r := range results {
		from := r.From
		if r.Missing != "" {
			from = "- (package " + r.Missing + ")"
			packages, files = append(packages, r.Missing), append(files, r.Name)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Root, r.Name, from)
	}
	if err := t.Flush(); err != nil || len(packages) == 0 {
		return err
	}
	slices.Sort(packages)
	slices.Sort(files)
	return usher.Errorf(usher.ErrNotFound, "not here: %s; Debian has them in: %s. Or name files in [pxe]loader_file_paths.",
		strings.Join(slices.Compact(files), " "), strings.Join(slices.Compact(packages), " "))
}
