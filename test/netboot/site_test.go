package netboot_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher/test/netboot"
)

// TestSite: two sites have the same addresses and do not meet, nor is either
// seen from outside; a removed address is silent.
func TestSite(t *testing.T) {
	var sites []*netboot.Site
	for _, body := range []string{"here", "there"} {
		site := netboot.New(t)
		site.Serve("10.77.0.11:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) }))
		site.Serve("[fd77::12]:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body+" too") }))
		sites = append(sites, site)
	}
	for url, want := range map[string]string{"http://10.77.0.11/": "there", "http://[fd77::12]/": "there too"} {
		res, err := sites[1].Client().Get(url)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(got) != want {
			t.Errorf("GET %s = %q, %v; want %q", url, got, err, want)
		}
	}
	if l, err := net.Listen("tcp", "10.77.0.11:0"); err == nil {
		l.Close()
		t.Error("the site's address is there outside of it too")
	}

	sites[0].RemoveAddress("10.77.0.11/24")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if c, err := sites[0].Dial(ctx, "tcp", "10.77.0.11:80"); err == nil {
		c.Close()
		t.Error("a removed address still answers")
	}
}

// TestProcess: a program runs inside, says so in its log, and ends when told.
func TestProcess(t *testing.T) {
	site := netboot.New(t)
	p := site.Start("shell", exec.Command("sh", "-c", "ip -br addr show "+netboot.Bridge+"; exec cat /dev/zero >/dev/null"))
	line, err := p.Log.WaitLine(t.Context(), netboot.Bridge)
	if err != nil || !strings.Contains(line, "10.77.0.12/24") || !strings.Contains(line, "fd77::11/64") {
		t.Errorf("addresses on the bridge: %q, %v", line, err)
	}
	p.Kill()
	if err := p.Wait(t.Context()); err == nil {
		t.Error("Wait after Kill should say how it ended")
	}
}
