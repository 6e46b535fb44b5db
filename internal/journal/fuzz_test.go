package journal_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/journal"
)

// FuzzAdd: what comes out is what went in, cut, however often places are used
// again by longer and shorter texts.
func FuzzAdd(f *testing.F) {
	f.Add("req-1", "192.0.2.1", "52-54-00-12-34-56", "boot.ipxe", "uuid", "name", "no luck")
	f.Add("", "", "\xff\x00", "", strings.Repeat("u", 300), "", strings.Repeat("e", 3000))
	j := journal.New(3)
	f.Fuzz(func(t *testing.T, id, remote, asked, file, uuid, name, text string) {
		d := &dispatch.Decision{Time: time.Now(), RequestID: id, Remote: remote, AskedMAC: asked, File: file,
			Node: usher.BootNode{UUID: uuid, Name: name}, Outcome: dispatch.NotNow, Cause: dispatch.CauseDatabase, Err: errors.New(text)}
		d.MAC, _ = usher.ParseMAC(asked)
		j.Add(d)
		e := j.Entries(journal.Filter{Limit: 1})[0]
		for _, c := range []struct{ got, in string }{{e.RequestID, id}, {e.Remote, remote}, {e.AskedMAC, asked}, {e.File, file}, {e.Node, uuid}, {e.Name, name}} {
			if c.got != c.in[:min(len(c.in), 255)] {
				t.Errorf("%q became %q", c.in, c.got)
			}
		}
		if len(e.Error) > 1000+2*len("***") && !strings.Contains(text, "://") {
			t.Errorf("%d bytes of an error", len(e.Error))
		}
		if _, err := json.Marshal(e); err != nil {
			t.Error(err)
		}
	})
}
