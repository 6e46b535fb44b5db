package storm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// nodeOf is the UUID of the node that a registered MAC is of.
func nodeOf(mac usher.MAC) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", mac[:]) }

func bootFileOf(node string) string {
	return "#!ipxe\n\n# Node " + node + "\nkernel http://c/" + node + "/deploy_kernel a-b-c-d\n"
}

// machines have n NICs each, of which the last is registered.
func machines(count, nics int) []Machine {
	all := make([]Machine, count)
	for i := range all {
		for n := range nics {
			all[i].NICs = append(all[i].NICs, usher.MAC{2, 0, byte(n), 0, byte(i >> 8), byte(i)})
		}
		all[i].Node = nodeOf(all[i].NICs[nics-1])
	}
	return all
}

// door is a machines' door with what it was asked.
type door struct {
	mu     sync.Mutex
	asked  []string
	answer func(w http.ResponseWriter, r *http.Request, mac usher.MAC)
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.asked = append(d.asked, r.URL.Path)
	d.mu.Unlock()
	if r.URL.Path == "/boot.ipxe" {
		_, _ = io.WriteString(w, "#!ipxe\nroot\n")
		return
	}
	text, _ := strings.CutPrefix(r.URL.Path, "/v1/boot/")
	text, _ = strings.CutSuffix(text, "/boot.ipxe")
	mac, err := usher.ParseMAC(text)
	if err != nil {
		http.Error(w, "#", http.StatusBadRequest)
		return
	}
	d.answer(w, r, mac)
}

// play plays a storm against d in a bubble's time.
func play(ctx context.Context, d *door, o Options) (*Report, time.Duration) {
	l := testenv.NewPipes()
	server := &http.Server{Handler: d, IdleTimeout: 10 * time.Second}
	go server.Serve(l)
	began := time.Now()
	o.API = &url.URL{Scheme: "http", Host: "door:6386"}
	if o.Rounds == 0 {
		o.Rounds, o.Timeout = 10, 20*time.Second
	}
	r := run(ctx, o, func(int) dialer {
		return func(ctx context.Context, _ time.Time) (net.Conn, error) { return l.Dial(ctx) }
	})
	took := time.Since(began)
	server.Close()
	return r, took
}

func TestEachItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := machines(300, 4)
		d := &door{answer: func(w http.ResponseWriter, r *http.Request, mac usher.MAC) {
			if mac[2] != 3 {
				http.Error(w, "#", http.StatusNotFound)
				return
			}
			_, _ = io.WriteString(w, bootFileOf(nodeOf(mac)))
		}}
		var seen []Progress
		r, took := play(t.Context(), d, Options{Machines: all, IsNode: func(string) bool { return true }, Within: time.Minute,
			Progress: func(p Progress) { seen = append(seen, p) }, Every: 10 * time.Second})
		if !r.All() || r.Checked != 300 || r.Retries+r.Rounds+len(r.Failures) != 0 || r.Connections != 300 {
			t.Errorf("%+v", r)
		}
		want := map[string]int{"200, root script": 300, "200, boot file": 300, "404": 900}
		if diff := cmp.Diff(want, r.Answers); diff != "" {
			t.Error(diff)
		}
		if took > time.Minute || took < 50*time.Second || r.AllAfter > 60_000 {
			t.Errorf("300 machines within a minute took %v, %v ms", took, r.AllAfter)
		}
		if last := seen[len(seen)-1]; len(seen) < 6 || last.Configured != 300 || last.Answers != 1500 || last.On != 300 {
			t.Errorf("progress: %+v", seen)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	})
}

// TestOthers: a boot file that names another node is found out, and one that
// names none.
func TestOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := machines(3, 1)
		d := &door{answer: func(w http.ResponseWriter, r *http.Request, mac usher.MAC) {
			switch mac[5] {
			case 0:
				_, _ = io.WriteString(w, strings.ToUpper("#!ipxe\n#")+nodeOf(mac)+" instance ffffffff-0000-4000-8000-000000000000")
			case 1:
				_, _ = io.WriteString(w, bootFileOf(all[2].Node))
			case 2:
				_, _ = io.WriteString(w, "#!ipxe\n# whoever\n")
			}
		}}
		isNode := func(uuid string) bool {
			return slices.ContainsFunc(all, func(m Machine) bool { return m.Node == uuid })
		}
		all[0].Node = nodeOf(all[0].NICs[0])
		r, _ := play(t.Context(), d, Options{Machines: all, IsNode: isNode})
		if r.Configured != 2 || r.Wrong != 1 || r.Unnamed != 1 || r.All() || len(r.Wrongs) != 1 || !strings.Contains(r.Wrongs[0], all[2].Node) {
			t.Errorf("%+v", r)
		}
	})
}

// TestComeAgain: a machine waits as long as it is told, within the root
// script's patience for one boot file, and in rounds beyond it.
func TestComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := 30 * time.Second
		began := time.Now()
		d := &door{answer: func(w http.ResponseWriter, r *http.Request, mac usher.MAC) {
			if time.Since(began) < left {
				w.Header().Set("Retry-After", "3")
				http.Error(w, "#", http.StatusServiceUnavailable)
				return
			}
			_, _ = io.WriteString(w, bootFileOf(nodeOf(mac)))
		}}
		r, took := play(t.Context(), d, Options{Machines: machines(1, 1)})
		// 7 times in 20 s, a pause of 1 s, and 4 more.
		if !r.All() || r.Retries != 10 || r.Rounds != 1 || r.Failures["time-out"] != 1 || took != 30*time.Second || r.Later.Count != 10 {
			t.Errorf("after %v: %+v", took, r)
		}
	})
}

// TestGivesUp: after ten rounds, with a pause that grows from 1 s to 9 s.
func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{answer: func(w http.ResponseWriter, r *http.Request, mac usher.MAC) { http.NotFound(w, r) }}
		r, took := play(t.Context(), d, Options{Machines: machines(1, 2)})
		if r.Lost != 1 || r.LostFor[noRounds] != 1 || took != 45*time.Second || r.Answers["404"] != 20 || r.Connections != 1 {
			t.Errorf("after %v: %+v", took, r)
		}
	})
}

// TestSilentDoor: a door that says nothing is given up after the time-out, and
// the machine goes on with its next NIC on another connection.
func TestSilentDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{answer: func(w http.ResponseWriter, r *http.Request, mac usher.MAC) {
			if mac[2] == 0 {
				<-r.Context().Done()
				return
			}
			_, _ = io.WriteString(w, bootFileOf(nodeOf(mac)))
		}}
		r, took := play(t.Context(), d, Options{Machines: machines(1, 2)})
		if !r.All() || took != 20*time.Second || r.Failures["time-out"] != 1 || r.Connections != 2 {
			t.Errorf("after %v: %+v", took, r)
		}
	})
}

// TestClosing: a door that closes after each answer is asked on a new
// connection, and one that closes without an answer counts as a failure once
// per NIC.
func TestClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{answer: func(w http.ResponseWriter, r *http.Request, mac usher.MAC) {
			switch mac[2] {
			case 0:
				w.Header().Set("Connection", "close")
				http.NotFound(w, r)
			case 1:
				panic(http.ErrAbortHandler)
			default:
				_, _ = io.WriteString(w, bootFileOf(nodeOf(mac)))
			}
		}}
		r, _ := play(t.Context(), d, Options{Machines: machines(1, 3)})
		if !r.All() || r.Connections != 3 || r.Failures["closed without an answer"] != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// TestInterrupted: the report is of what was until then.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{answer: func(w http.ResponseWriter, r *http.Request, mac usher.MAC) {
			if mac[5] != 0 {
				<-r.Context().Done()
				return
			}
			_, _ = io.WriteString(w, bootFileOf(nodeOf(mac)))
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r, took := play(ctx, d, Options{Machines: machines(10, 1), Rate: 1})
		if !r.Interrupted || r.Configured != 1 || r.Lost != 0 || took != 5*time.Second || len(r.Failures) != 0 {
			t.Errorf("after %v: %+v", took, r)
		}
	})
}

// TestNoDoor: what cannot be reached is no configuration, and said so.
func TestNoDoor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r := Run(t.Context(), Options{API: &url.URL{Scheme: "http", Host: l.Addr().String()},
		Address: netip.MustParseAddrPort(l.Addr().String()), Machines: machines(2, 1)})
	if r.Lost != 2 || r.LostFor["no root script: connection refused"] != 2 || len(r.Answers) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestRequests: on the wire machines look like iPXE, each at an address of its
// own.
func TestRequests(t *testing.T) {
	var mu sync.Mutex
	from := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		mu.Lock()
		from[host] = true
		mu.Unlock()
		_, _ = io.WriteString(w, "#!ipxe\n")
	}))
	defer server.Close()
	api, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	all := machines(500, 1)
	for i := range all {
		all[i].Node = ""
	}
	r := Run(t.Context(), Options{API: api, Address: netip.MustParseAddrPort(api.Host), Machines: all, Rounds: 10, Timeout: 20 * time.Second})
	if r.Configured != 500 || len(from) != 500 {
		t.Errorf("%d addresses, %+v", len(from), r)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	said := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buffer := make([]byte, 1000)
		n, _ := conn.Read(buffer)
		said <- string(buffer[:n])
	}()
	Run(t.Context(), Options{API: &url.URL{Scheme: "http", Host: l.Addr().String()},
		Address: netip.MustParseAddrPort(l.Addr().String()), Machines: all[:1]})
	want := "GET /boot.ipxe HTTP/1.1\r\nConnection: keep-alive\r\nUser-Agent: " + userAgent + "\r\nHost: " + l.Addr().String() + "\r\n\r\n"
	if got := <-said; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestResolve: the address that is stormed is the one that is looked at.
func TestResolve(t *testing.T) {
	for host, want := range map[string]string{"127.0.0.1:1": "127.0.0.1:1", "[::1]:1": "[::1]:1", "127.9.9.9": "127.9.9.9:80",
		"192.0.2.1:80": "192.0.2.1:80", "[fd00::1]": "[fd00::1]:80", "[::ffff:127.0.0.1]": "127.0.0.1:80"} {
		if got, err := Resolve(t.Context(), &url.URL{Scheme: "http", Host: host}); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", host, got, err)
		}
	}
}
