package app

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/config"
)

func TestExposedRPC(t *testing.T) {
	for _, c := range []struct {
		name, host, listen string
		insecure, ironic   bool
		refused, warned    string
	}{
		{name: "loopback", host: "127.0.0.7"},
		{name: "loopback by name", host: "localhost"},
		{name: "IPv6 loopback", host: "::1"},
		{name: "all addresses", host: "::", refused: "[json_rpc]host_ip = :: with [json_rpc]auth_strategy = noauth"},
		{name: "one address", host: "192.0.2.1", refused: "http_basic"},
		{name: "a name", host: "conductor-1", refused: "[usher]insecure_rpc = true"},
		{name: "own option", host: "127.0.0.1", listen: "0.0.0.0:8090", refused: "[usher]rpc_listen"},
		{name: "allowed", host: "::", insecure: true},
		{name: "beside Ironic", host: "::", ironic: true, warned: "[usher]rpc_listen"},
		{name: "beside Ironic on loopback", host: "127.0.0.1", ironic: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			a := &App{ironic: c.ironic, logger: slog.New(slog.NewTextHandler(&log, nil))}
			cfg := &config.Config{}
			cfg.JSONRPC.HostIP, cfg.JSONRPC.Port = c.host, 8089
			cfg.Usher.RPCListen, cfg.Usher.InsecureRPC = c.listen, c.insecure
			err := a.refuseExposedRPC(cfg)
			if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("got %v, want a word on %q", err, c.refused)
			}
			if (log.Len() > 0) != (c.warned != "") || !strings.Contains(log.String(), c.warned) {
				t.Errorf("warned %q, want a word on %q", log.String(), c.warned)
			}
		})
	}
}

// What a browser can send across origins without asking first must not reach
// RPC: a form's content types, and whatever carries an Origin.
func TestProgramsOnly(t *testing.T) {
	for _, c := range []struct {
		method string
		header map[string]string
		want   int
	}{
		{"POST", map[string]string{"Content-Type": "application/json"}, 200},
		{"POST", map[string]string{"Content-Type": "Application/JSON; charset=utf-8"}, 200},
		{"GET", nil, 200}, // the next handler's affair
		{"POST", nil, 415},
		{"POST", map[string]string{"Content-Type": "text/plain"}, 415},
		{"POST", map[string]string{"Content-Type": "text/plain; application/json"}, 415},
		{"POST", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		{"POST", map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, 415},
		{"POST", map[string]string{"Content-Type": "application/json", "Origin": "http://elsewhere.example"}, 403},
		{"POST", map[string]string{"Content-Type": "application/json", "Origin": "null"}, 403},
		{"POST", map[string]string{"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}, 403},
		{"GET", map[string]string{"Origin": "http://elsewhere.example"}, 403},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, "http://conductor:8089/", strings.NewReader("{}"))
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		programsOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %v: %d, want %d", c.method, c.header, w.Code, c.want)
		}
	}
}

// TestRebinding: the management listener has no accounts by default, so a name
// that somebody else's DNS leads to it is refused, with a matching Origin too.
func TestRebinding(t *testing.T) {
	s := newSite(t)
	a := s.run("[usher]allowed_hosts=proxy.example", "[DEFAULT]host=c1.example")
	for host, want := range map[string]int{"": 200, "localhost:6385": 200, "c1.example": 200, "Proxy.example:443": 200,
		"evil.example": 421, "evil.example:6385": 421} {
		for _, path := range []string{"/v1/nodes", "/v1", "/v1/boot/52-54-00-12-34-56/boot.ipxe"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.Addr(DoorManagement)+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			r.Header.Set("X-OpenStack-Ironic-API-Version", "1.78")
			r.Header.Set("Origin", "http://"+host)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if refused := response.StatusCode == 421; refused != (want == 421) {
				t.Errorf("Host %q, %s: %s", host, path, response.Status)
			}
		}
	}
}
