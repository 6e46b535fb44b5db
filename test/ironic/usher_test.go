package ironic

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// usherAPI is an 'usher api' that machines ask.
type usherAPI struct {
	*process
	s   *site
	url string
}

func (s *site) newAPI(restrict, door string) *usherAPI {
	args := append([]string{program, "api"}, s.mine[0]...)
	u := &usherAPI{s: s, process: newProcess(s.tb, "usher api, restrict "+restrict, args...)}
	u.env = []string{"OS_API__RESTRICT_BOOT_CONFIG=" + restrict, "OS_USHER__BOOT_LISTEN=" + door}
	return u
}

var machinesDoor = regexp.MustCompile(`machines +(http://\S+)`)

func (u *usherAPI) start() {
	u.process.start(upMark)
	found := machinesDoor.FindStringSubmatch(u.said())
	if found == nil {
		u.tb.Fatalf("no machines' door in\n%s", u.said())
	}
	u.url = found[1]
}

// decision is one answer, with what the operator's log says about it.
type decision struct {
	status     int
	body       string
	retryAfter string
	Cause      string `json:"cause"`
	Owner      string `json:"owner"`
	AnsweredBy string `json:"answered_by"`
	Error      string `json:"error"`
}

// ask asks for a boot file as a machine does.
func (u *usherAPI) ask(mac, file string) decision {
	u.tb.Helper()
	id := usher.RequestID("")
	req, err := http.NewRequestWithContext(u.tb.Context(), http.MethodGet, u.url+"/v1/boot/"+mac+"/"+file, nil)
	if err != nil {
		u.tb.Fatal(err)
	}
	req.Header.Set("X-Openstack-Request-Id", id)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		u.tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		u.tb.Fatal(err)
	}
	d := decision{status: resp.StatusCode, body: string(body), retryAfter: resp.Header.Get("Retry-After")}
	testenv.Until(u.tb, patience, "a log line of "+id, func() bool {
		for line := range strings.Lines(u.said()) {
			if strings.Contains(line, id) && strings.Contains(line, "boot request") {
				return json.Unmarshal([]byte(line), &d) == nil
			}
		}
		return false
	})
	if d.AnsweredBy == "" {
		d.AnsweredBy = d.Owner
	}
	return d
}

// askNode asks for a node's file by its first MAC.
func (u *usherAPI) askNode(n *node) decision {
	u.tb.Helper()
	return u.ask(strings.ReplaceAll(n.macs[0], ":", "-"), n.file())
}
