package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/usher-boot/usher/internal/app"
	"github.com/usher-boot/usher/internal/doctor"
)

type doctorCmd struct {
	Dnsmasq string `name:"dnsmasq" placeholder:"FILE" help:"Check this configuration of dnsmasq too."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// Run checks everything that can be seen from this host. What is wrong with
// the configuration itself ends it before, with the usual message.
func (c *doctorCmd) Run(s *session) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	report := app.Doctor(s.ctx, cfg, version(), c.Dnsmasq)
	if c.JSON {
		err = s.json(report)
	} else {
		for _, check := range report.Checks {
			fmt.Fprintf(s.Stdout, "%-8s %s: %s\n", word(check.State), check.Name, strings.ReplaceAll(check.Detail, "\n", "; "))
			if check.State != doctor.OK {
				fmt.Fprintf(s.Stdout, "         fix: %s\n", check.Fix)
			}
		}
	}
	if err == nil && !report.Healthy {
		err = errors.New("not healthy")
	}
	return err
}

// word makes what failed stand out.
func word(state doctor.State) string {
	if state == doctor.Failed {
		return "FAILED"
	}
	return string(state)
}
