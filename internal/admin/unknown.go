package admin

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/usher-boot/usher/internal/journal"
)

// Unknown is a MAC address of no node that asked for a boot file.
type Unknown struct {
	MAC    string    `json:"mac"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Count  uint64    `json:"count"`
	Remote string    `json:"remote"` // address of its last request
	Files  []string  `json:"files"`
	Enrol  string    `json:"enrol"` // the command that makes it a node's
}

// unknown answers with one JSON object a line, the last one that asked first.
func (d *Door) unknown(w http.ResponseWriter, _ *http.Request) {
	if !d.journalOn(w) {
		return
	}
	w.Header().Set("Content-Type", jsonLines)
	out := json.NewEncoder(w)
	for _, s := range d.o.Journal.Unknown(0) {
		if out.Encode(d.stranger(s)) != nil {
			return
		}
	}
}

func (d *Door) stranger(s journal.Stranger) Unknown {
	return Unknown{MAC: s.MAC.String(), First: s.First.UTC(), Last: s.Last.UTC(), Count: s.Count, Remote: s.Remote,
		Files: s.Files, Enrol: enrol(s, d.o.Process.BesideIronic)}
}

// enrol is the command that would make a stranger's address a node's. What
// nobody here can know is in capitals.
func enrol(s journal.Stranger, ironic bool) string {
	if ironic {
		return "openstack baremetal port create " + s.MAC.String() + " --node UUID"
	}
	command := "usher node add node-" + s.MAC.Hyphenated() + " --mac " + s.MAC.String()
	if len(s.Files) > 0 && !slices.Contains(s.Files, "boot.ipxe") {
		command += " --boot-interface pxe" // it runs GRUB, which the default boot interface does not answer
	}
	return command + " --kernel URL --ramdisk URL"
}
