package cli

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/httpbasic"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/noauth"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/app"
)

// endpoint is where and as whom node commands manage, with the names that
// OpenStack's clients have for it.
type endpoint struct {
	URL      string `name:"os-endpoint" env:"OS_ENDPOINT" placeholder:"URL" help:"Management API. Default: the one of this configuration."`
	Username string `name:"os-username" env:"OS_USERNAME" help:"User name for http_basic."`
	Password string `name:"os-password" env:"OS_PASSWORD" help:"Password for http_basic; better in the environment."`
}

// microversion is what the commands here need of the API.
const microversion = "1.82"

func (e endpoint) client(s *session) (*gophercloud.ServiceClient, error) {
	url := e.URL
	if url == "" {
		cfg, err := s.config()
		if err != nil {
			return nil, err
		}
		url = app.LocalURL(net.JoinHostPort(cfg.API.HostIP, strconv.Itoa(cfg.API.Port)))
	}
	url = strings.TrimRight(url, "/")
	if !strings.HasSuffix(url, "/v1") {
		url += "/v1"
	}
	var client *gophercloud.ServiceClient
	var err error
	if e.Username != "" {
		client, err = httpbasic.NewBareMetalHTTPBasic(httpbasic.EndpointOpts{
			IronicEndpoint: url, IronicUser: e.Username, IronicUserPassword: e.Password})
	} else {
		client, err = noauth.NewBareMetalNoAuth(noauth.EndpointOpts{IronicEndpoint: url})
	}
	if err != nil {
		return nil, usher.Errorf(usher.ErrInvalid, "--os-endpoint, --os-username, --os-password: %v", err)
	}
	client.Microversion = microversion
	return client, nil
}

// apiError turns what the client library says into what the API said.
func apiError(err error) error {
	if err == nil {
		return nil
	}
	var answer gophercloud.ErrUnexpectedResponseCode
	if !errors.As(err, &answer) {
		return usher.Errorf(usher.ErrUnavailable, "no answer from the management API (is 'usher serve' running?): %v", err)
	}
	message := faultString(answer.Body)
	switch answer.Actual {
	case http.StatusNotFound:
		return usher.Errorf(usher.ErrNotFound, "%s", message)
	case http.StatusConflict:
		return usher.Errorf(usher.ErrConflict, "%s", message)
	case http.StatusUnauthorized:
		return usher.Errorf(usher.ErrInvalid, "the management API wants other credentials: set OS_USERNAME and OS_PASSWORD (%s)", message)
	case http.StatusServiceUnavailable:
		return usher.Errorf(usher.ErrUnavailable, "%s", message)
	}
	if answer.Actual < http.StatusInternalServerError {
		return usher.Errorf(usher.ErrInvalid, "%s", message)
	}
	return errors.New(message)
}

// faultString finds the sentence in Ironic's error body, which is JSON in a
// string in JSON.
func faultString(body []byte) string {
	var outer struct {
		Message json.RawMessage `json:"error_message"`
	}
	if json.Unmarshal(body, &outer) != nil || len(outer.Message) == 0 {
		return strings.TrimSpace(string(body))
	}
	inner := []byte(outer.Message)
	var quoted string
	if json.Unmarshal(inner, &quoted) == nil {
		inner = []byte(quoted)
	}
	var fault struct {
		Fault       string `json:"faultstring"`
		Description string `json:"description"`
		Title       string `json:"title"`
	}
	if json.Unmarshal(inner, &fault) != nil {
		return string(inner)
	}
	for _, text := range []string{fault.Fault, fault.Description, fault.Title} {
		if text != "" {
			return text
		}
	}
	return string(inner)
}
