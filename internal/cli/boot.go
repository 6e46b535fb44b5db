package cli

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/app"
)

type bootCmd struct {
	MAC  string `arg:"" help:"MAC address of any port of the node, in any spelling."`
	File string `arg:"" optional:"" default:"boot.ipxe" help:"Boot file: boot.ipxe or grub.cfg."`
	API  string `name:"api" placeholder:"URL" help:"Machines' door to ask. Default: the one of this configuration."`
}

const requestID = "X-Openstack-Request-Id"

// Run asks as a machine would and prints the answer's body alone.
func (c *bootCmd) Run(s *session) error {
	mac, err := usher.ParseMAC(c.MAC)
	if err != nil {
		return err
	}
	base := c.API
	if base == "" {
		cfg, err := s.config()
		if err != nil {
			return err
		}
		base = app.LocalURL(cfg.Usher.BootListen)
	}
	id := usher.RequestID("")
	url := base + "/v1/boot/" + mac.Hyphenated() + "/" + c.File
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, url, nil)
	if err != nil {
		return usher.Errorf(usher.ErrInvalid, "--api: %v", err)
	}
	req.Header.Set(requestID, id)
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return usher.Errorf(usher.ErrUnavailable, "no answer from the machines' door (is 'usher serve' running?): %v", err)
	}
	defer resp.Body.Close()
	final := resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNotFound
	if final && resp.Header.Get(requestID) != id { // a machines' door repeats it
		return fmt.Errorf("%s is no machines' door ([usher]boot_listen): it answers %q", base, resp.Status)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		_, err := io.Copy(s.Stdout, resp.Body)
		return err
	case http.StatusNotFound:
		return usher.Errorf(usher.ErrNotFound,
			"%s gets nothing (404): no node has this MAC, or its port, state, boot interface or files give nothing to boot; "+
				"'%s explain %[1]s' says which, and the log of the API under %[3]s", mac, s.call(), id)
	default:
		return usher.Errorf(usher.ErrUnavailable, "%s gets %q and is to ask again after %s s; "+
			"'%s explain %[1]s' says why, and the log of the API under %[5]s", mac, resp.Status, resp.Header.Get("Retry-After"), s.call(), id)
	}
}
