package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/usher-boot/usher/internal/app"
)

// conductorCmd runs a conductor unless it is followed by a command of its own
// (docs/decisions/0010-conductor-list.md).
type conductorCmd struct {
	Run  conductorRunCmd  `cmd:"" default:"withargs" help:"Run a conductor; what 'usher conductor' alone does."`
	List conductorListCmd `cmd:"" help:"List the conductors that the database knows: heartbeats, ages, hardware types."`
}

type conductorRunCmd struct{}

func (*conductorRunCmd) Run(s *session) error { return s.run(app.Role{Conductor: true}) }

type conductorListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// conductorRow is one conductor. A heartbeat from the future has an age below 0.
type conductorRow struct {
	Host          string   `json:"hostname"`
	Active        bool     `json:"active"`
	Online        bool     `json:"online"`
	Heartbeat     string   `json:"heartbeat"`
	Age           float64  `json:"age_seconds"`
	Group         string   `json:"conductor_group"`
	HardwareTypes []string `json:"hardware_types"`
	PresentName   string   `json:"present_name,omitempty"` // beside Ironic, of a row that an upgrade left behind
}

// Run reads the database itself, so it works while the API is down.
func (c *conductorListCmd) Run(s *session) (err error) {
	members, err := s.members()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, members.Close()) }()
	conductors, err := members.Conductors(s.ctx)
	if err != nil {
		return err
	}
	rows, now := []conductorRow{}, time.Now()
	for _, m := range conductors {
		rows = append(rows, conductorRow{Host: m.Hostname, Active: m.Active(now, members.HeartbeatTimeout()), Online: m.Online,
			Heartbeat: m.UpdatedAt.UTC().Format(time.RFC3339), Age: now.Sub(m.UpdatedAt).Round(time.Millisecond).Seconds(),
			Group: m.Group, HardwareTypes: m.HardwareTypes(), PresentName: members.PresentName(m, conductors, now)})
	}
	if c.JSON {
		return s.json(rows)
	}
	t := tabwriter.NewWriter(s.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "CONDUCTOR\tSTATE\tHEARTBEAT\tAGE\tGROUP\tHARDWARE TYPES")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Host, r.state(), r.Heartbeat,
			time.Duration(r.Age*float64(time.Second)).Round(100*time.Millisecond), cmp.Or(r.Group, "-"), strings.Join(r.HardwareTypes, " "))
	}
	return t.Flush()
}

// state is why a conductor is not active.
func (r conductorRow) state() string {
	switch {
	case r.Active:
		return "active"
	case r.PresentName != "":
		return "now " + r.PresentName
	case r.Online:
		return "silent"
	default:
		return "offline"
	}
}
