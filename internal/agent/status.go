package agent

import (
	"errors"
	"io"
	"time"

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
	Host    string    `json:"host"` // its [DEFAULT]host
	Account string    `json:"account"`
	Clock   time.Time `json:"clock"` // its time, UTC
	Roots   []Root    `json:"roots"`
}

// Root is a folder that boot files lie in.
type Root struct {
	Option  string `json:"option"` // "[deploy]http_root"
	Path    string `json:"path"`
	Problem string `json:"problem,omitempty"` // why it cannot be read
}

// StatusOf makes the status of a process on this host.
func StatusOf(host string, s Settings, d *bootiface.Disk) Status {
	st := Status{Settings: s, Host: host, Account: account(), Clock: time.Now().UTC()}
	for _, r := range []struct {
		option string
		root   bootiface.Root
	}{{"[deploy]http_root", bootiface.HTTPRoot}, {"[pxe]tftp_root", bootiface.TFTPRoot}} {
		path := d.Path(r.root)
		st.Roots = append(st.Roots, Root{Option: r.option, Path: path, Problem: readable(path)})
	}
	return st
}

// Status tells how this agent is set up.
func (a *Agent) Status() Status { return StatusOf(a.o.Host, a.o.Settings, a.o.Disk) }

// skipEOF takes an empty folder for a readable one.
func skipEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
