package agent

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// Settings are what must be the same on all hosts, or a node's owner is not
// the same for all.
type Settings struct {
	Version          string  `json:"version"`
	Algorithm        string  `json:"hash_ring_algorithm"`
	Exponent         int     `json:"hash_partition_exponent"`
	HeartbeatTimeout float64 `json:"heartbeat_timeout"` // seconds
}

// Status is what a process tells of itself over RPC.
type Status struct {
	Settings
	// Host is its [DEFAULT]host; beside Ironic the name by which its conductor
	// is registered, where one is.
	Host string `json:"host"`
	// Names are those that Ironic may register its conductor by, the fullest
	// first. Usher's own conductors have none but Host, and agents of before
	// these names compared Host with a row letter by letter.
	Names []string `json:"names,omitempty"`
	// Problem is why it does not know its conductor's row.
	Problem string    `json:"problem,omitempty"`
	Account string    `json:"account"`
	Clock   time.Time `json:"clock"` // its time, UTC
	Roots   []Root    `json:"roots"`
	// BootFiles says where an agent finds boot files; none from a conductor of
	// Usher's own. FilesURL is where machines reach the agent for images, empty
	// where they do not.
	BootFiles []BootFiles `json:"boot_files,omitempty"`
	FilesURL  string      `json:"files_url,omitempty"`
}

// Root is a folder that boot files lie in.
type Root struct {
	Option  string `json:"option"` // "[deploy]http_root"
	Path    string `json:"path"`
	Problem string `json:"problem,omitempty"` // why it cannot be read
}

// Folders tells where the roots lie on this host.
type Folders interface {
	Path(bootiface.Root) string
}

// StatusOf makes the status of a process on this host.
func StatusOf(host string, s Settings, d Folders) Status {
	st := Status{Settings: s, Host: host, Account: account(), Clock: time.Now().UTC()}
	for _, r := range []bootiface.Root{bootiface.HTTPRoot, bootiface.TFTPRoot} {
		path := d.Path(r)
		st.Roots = append(st.Roots, Root{Option: option(r), Path: path, Problem: readable(path)})
	}
	return st
}

// option is what sets a root.
func option(r bootiface.Root) string {
	if r == bootiface.TFTPRoot {
		return "[pxe]tftp_root"
	}
	return "[deploy]http_root"
}

// Status tells how this agent is set up.
func (a *Agent) Status(ctx context.Context) Status {
	st := StatusOf(a.o.Host, a.o.Settings, a.o.Disk)
	if c, err := a.o.Conductors.Beside(ctx, a.o.Name); err != nil {
		st.Problem = err.Error()
	} else {
		st.Host = c.Hostname
	}
	st.Names = []string{a.o.Name}
	if host := usher.ConductorHost(a.o.Name); host != a.o.Name {
		st.Names = append(st.Names, host)
	}
	st.BootFiles, st.FilesURL = a.bootFiles(ctx), a.o.Disk.URLs().Files
	return st
}

// Is says whether the process that told this is the one beside a conductor, or
// is that conductor.
func (s Status) Is(hostname string) bool {
	if len(s.Names) == 0 {
		return s.Host == hostname
	}
	return usher.SameConductor(s.Names[0], hostname)
}

// skipEOF takes an empty folder for a readable one.
func skipEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
