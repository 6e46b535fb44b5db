package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/app"
)

// adminDoor is the operator's door of a process.
type adminDoor struct {
	url        string
	configured bool // [usher]admin_listen named it, not the user
	client     *http.Client
}

func (c *requestsCmd) door(s *session) (*adminDoor, error) {
	d := &adminDoor{url: strings.TrimRight(c.Admin, "/"), client: &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		ResponseHeaderTimeout: 20 * time.Second}}}
	if d.url == "" {
		cfg, err := s.config()
		if err != nil {
			return nil, err
		}
		d.url, d.configured = app.LocalURL(cfg.Usher.AdminListen), true
		return d, nil
	}
	if !strings.Contains(d.url, "://") {
		d.url = "http://" + d.url
	}
	if u, err := url.Parse(d.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usher.Errorf(usher.ErrInvalid, "--admin is %q: want an URL such as http://192.0.2.1:6387", c.Admin)
	}
	return d, nil
}

// silence is how long a door may say nothing: it sends an empty line in time.
const silence = 30 * time.Second

// lines asks the door and hands each line of the answer to visit; an empty one
// says that the door is still there.
func (d *adminDoor) lines(ctx context.Context, path string, query url.Values, visit func([]byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+path+"?"+query.Encode(), nil)
	if err != nil {
		return usher.Errorf(usher.ErrInvalid, "--admin: %v", err)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return d.nobody(err)
	}
	defer resp.Body.Close()
	if err := d.answer(resp); err != nil {
		return err
	}
	quiet := time.AfterFunc(silence, cancel)
	defer quiet.Stop()
	if query.Get("follow") != "" {
		if err := visit(nil); err != nil { // it answers, before there is anything to say
			return err
		}
	}
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		quiet.Reset(silence)
		if err := visit(in.Bytes()); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return usher.Errorf(usher.ErrUnavailable, "the answer of %s broke off: %v", d.url, err)
	}
	return nil
}

// nobody says who should have answered.
func (d *adminDoor) nobody(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if d.configured {
		return usher.Errorf(usher.ErrUnavailable, "nobody answers at %s, the operator's door of [usher]admin_listen: "+
			"is 'usher serve' or 'usher api' running here, with this configuration? For another one give --admin URL. (%v)", d.url, err)
	}
	return usher.Errorf(usher.ErrUnavailable, "nobody answers at %s: --admin wants the address of [usher]admin_listen "+
		"of a running 'usher serve' or 'usher api'. (%v)", d.url, err)
}

// answer is the error that an answer stands for.
func (d *adminDoor) answer(resp *http.Response) error {
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/x-ndjson") {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var said struct {
		Error string `json:"error"`
	}
	switch known := err == nil && json.Unmarshal(body, &said) == nil && said.Error != ""; {
	case resp.StatusCode == http.StatusMisdirectedRequest:
		return usher.Errorf(usher.ErrInvalid, "%s: %s", d.url, strings.TrimSpace(string(body)))
	case !known:
		return usher.Errorf(usher.ErrInvalid, "%s answers %q as no operator's door does: --admin wants the address of [usher]admin_listen",
			d.url, resp.Status)
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		return usher.Errorf(usher.ErrNotFound, "%s", said.Error)
	case http.StatusServiceUnavailable:
		return usher.Errorf(usher.ErrUnavailable, "%s", said.Error)
	}
	return usher.Errorf(usher.ErrInvalid, "%s", said.Error)
}
