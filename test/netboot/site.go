// Package netboot is a test kit: it boots virtual machines with real firmware
// (SeaBIOS with iPXE's ROM, OVMF, for arm64 AAVMF) over a network of their own,
// next to a real dnsmasq, into a real Linux that says what it was booted with.
//
// It knows nothing of Usher: tests start Usher in a [Site] and hand dnsmasq
// its configuration. It is imported by tests only, needs root, and measures
// nothing but whether machines boot: QEMU emulates, so times say little of
// real machines.
package netboot

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// Bridge is the name of a site's only Ethernet segment, inside the site.
const Bridge = "usher0"

// Site is one Ethernet segment in a network namespace of its own, with
// servers' addresses on it and virtual machines plugged into it.
//
// The namespace has no name: it belongs to one thread of the test process and
// to what was started from it. So sites never collide, even those of several
// test runs, and the kernel removes everything when the process ends, however
// it ends.
type Site struct {
	tb     testing.TB
	calls  chan func()   // run on the thread that lives in the namespace
	closed chan struct{} // ends that thread
	taps   int
}

// New makes a site with the addresses 10.77.0.1/24, .11 and .12, and
// fd77::1/64, ::11 and ::12, on [Bridge]. It ends with the test, and all that
// was started in it.
func New(tb testing.TB) *Site {
	tb.Helper()
	testenv.NeedProgram(tb, "ip")
	if os.Geteuid() != 0 {
		tb.Fatal("network namespaces and taps need root")
	}
	s := &Site{tb: tb, calls: make(chan func()), closed: make(chan struct{})}
	ready := make(chan error)
	var thread sync.WaitGroup
	thread.Go(func() { s.live(ready) })
	if err := <-ready; err != nil {
		tb.Fatalf("make a network namespace: %v", err)
	}
	tb.Cleanup(func() {
		close(s.closed)
		thread.Wait()
	})
	s.ip("link set lo up")
	// Without multicast snooping the bridge floods what machines ask of
	// IPv6 neighbours from the first packet on, as a plain switch does.
	s.ip("link add " + Bridge + " type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
	s.ip("link set " + Bridge + " up")
	for _, host := range []string{"1", "11", "12"} {
		s.AddAddress("10.77.0." + host + "/24")
		s.AddAddress("fd77::" + host + "/64")
	}
	return s
}

// live moves its thread into a new namespace and runs calls there until the
// site is closed. It never unlocks the thread, which therefore ends with it.
func (s *Site) live(ready chan<- error) {
	runtime.LockOSThread()
	if syscall.Gettid() == os.Getpid() {
		// The main thread cannot end, and /proc/self shows its namespace:
		// hold it here so that another thread takes the work.
		var other sync.WaitGroup
		other.Go(func() { s.live(ready) })
		other.Wait()
		runtime.UnlockOSThread()
		return
	}
	err := syscall.Unshare(syscall.CLONE_NEWNET)
	ready <- err
	if err != nil {
		return
	}
	for {
		select {
		case call := <-s.calls:
			call()
		case <-s.closed:
			return
		}
	}
}

// Do runs f inside the site: sockets that it opens and processes that it
// starts are the site's. Goroutines that f starts are not inside. Calls run
// one at a time, so f should be short.
func (s *Site) Do(f func() error) error {
	done := make(chan error, 1)
	select {
	case s.calls <- func() { done <- f() }:
		return <-done
	case <-s.closed:
		return errors.New("the site has ended")
	}
}

// AddAddress puts an address with its prefix length on [Bridge].
func (s *Site) AddAddress(cidr string) {
	s.tb.Helper()
	dad := ""
	if strings.Contains(cidr, ":") {
		dad = " nodad" // usable at once, not after a second's listening
	}
	s.ip("addr add " + cidr + " dev " + Bridge + dad)
}

// RemoveAddress takes an address away again: who asks it hears nothing, as
// when a server is dead.
func (s *Site) RemoveAddress(cidr string) {
	s.tb.Helper()
	s.ip("addr del " + cidr + " dev " + Bridge)
}

// Listen opens a listener inside the site. The address is literal.
func (s *Site) Listen(network, address string) (net.Listener, error) {
	var l net.Listener
	err := s.Do(func() (err error) {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// Dial connects from inside the site to a literal address: as the
// DialContext of an http.Transport it makes a client of the site's servers.
func (s *Site) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var c net.Conn
	err := s.Do(func() (err error) {
		c, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// Client is an HTTP client inside the site.
func (s *Site) Client() *http.Client {
	transport := &http.Transport{DialContext: s.Dial}
	s.tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// Serve answers HTTP inside the site until the test ends, and returns the
// server so that a test can close it sooner.
func (s *Site) Serve(address string, h http.Handler) *http.Server {
	s.tb.Helper()
	l, err := s.Listen("tcp", address)
	if err != nil {
		s.tb.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	s.tb.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	return server
}

// ip runs one command of iproute2 inside the site.
func (s *Site) ip(args string) {
	s.tb.Helper()
	err := s.Do(func() error {
		out, err := exec.Command(testenv.NeedProgram(s.tb, "ip")[0], strings.Fields(args)...).CombinedOutput()
		if err != nil {
			return errors.New(strings.TrimSpace(string(out)) + ": " + err.Error())
		}
		return nil
	})
	if err != nil {
		s.tb.Fatalf("ip %s: %v", args, err)
	}
}
