package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/admin"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/explanation"
	"github.com/usher-boot/usher/internal/journal"
)

// adminClient asks the process that runs on this host through its admin door.
type adminClient struct {
	base string
	http *http.Client
}

// adminTimeout bounds one question to the process beside us.
const adminTimeout = 3 * time.Second

func newAdminClient(cfg *config.Config) *adminClient {
	return &adminClient{base: LocalURL(cfg.Usher.AdminListen), http: &http.Client{Timeout: adminTimeout,
		Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}}
}

// get asks for a path and hands each JSON value of the answer to take.
func (c *adminClient) get(ctx context.Context, path string, take func(*json.Decoder) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return usher.Errorf(usher.ErrUnavailable, "no process answers at %s ([usher]admin_listen): %v", c.base, bare(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var said struct {
			Error string `json:"error"`
		}
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		if json.Unmarshal(body, &said) != nil || said.Error == "" {
			said.Error = "it answers " + resp.Status
		}
		return usher.Errorf(usher.ErrUnavailable, "the process at %s ([usher]admin_listen) cannot tell: %s", c.base, said.Error)
	}
	for d := json.NewDecoder(resp.Body); ; {
		if err := take(d); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return usher.Errorf(usher.ErrUnavailable, "what answers at %s ([usher]admin_listen) is not this Usher: %v", c.base, err)
		}
	}
}

// bare is a failed connection's error without the addresses, which are told.
func bare(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if wrapped, ok := errors.AsType[*net.OpError](err); ok {
		err = wrapped.Err
	}
	return err
}

// Address is where the one conductor of this host is asked.
func (c *adminClient) Address(string) (string, error) { return c.base, nil }

// Evidence asks the conductor in that process.
func (c *adminClient) Evidence(ctx context.Context, host string, node usher.BootNode, file string) (e bootiface.Evidence, err error) {
	err = c.get(ctx, "/v1/evidence/"+url.PathEscape(node.UUID)+"/"+url.PathEscape(file), func(d *json.Decoder) error {
		return d.Decode(&e)
	})
	if err == nil && e.Host != host {
		err = usher.Errorf(usher.ErrUnavailable, "the conductor that runs here is %s, not %s: set [DEFAULT]host = %s, or wait until the other one is offline",
			e.Host, host, host)
	}
	return e, err
}

// Requests asks its journal for a machine's last requests.
func (c *adminClient) Requests(ctx context.Context, mac usher.MAC, limit int) (found []explanation.Request, err error) {
	err = c.get(ctx, fmt.Sprintf("/v1/requests?mac=%s&limit=%d", mac.Hyphenated(), limit), func(d *json.Decoder) error {
		var e journal.Entry
		err := d.Decode(&e)
		if err == nil {
			found = append(found, explanation.Request{Time: e.Time, Remote: e.Remote, File: e.File, Outcome: dispatch.Outcome(e.Outcome),
				Cause: dispatch.Cause(e.Cause), AnsweredBy: e.AnsweredBy, Error: e.Error, RequestID: e.RequestID})
		}
		return err
	})
	return found, err
}

// Stranger asks its journal for a MAC address of no node.
func (c *adminClient) Stranger(ctx context.Context, mac usher.MAC) (found *explanation.Stranger, err error) {
	err = c.get(ctx, "/v1/unknown", func(d *json.Decoder) error {
		var u admin.Unknown
		err := d.Decode(&u)
		if err == nil && u.MAC == mac.String() {
			found = &explanation.Stranger{First: u.First, Last: u.Last, Count: u.Count, Remote: u.Remote}
		}
		return err
	})
	return found, err
}
