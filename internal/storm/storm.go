// Package storm plays many machines that power on at once: each fetches the
// root script and then asks for the boot file of each of its NICs, as iPXE and
// our root script do it, and notes what it was told and how long that took. It
// follows measurements of real iPXE (order of headers, one connection that is
// reused and then held open for 10 s, Retry-After, time-outs) and
// internal/bootiface/templates/root.ipxe.tmpl. It fetches no kernels: those
// come from conductors, as files.
package storm

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/usher-boot/usher"
)

// Machine is one machine to play.
type Machine struct {
	// NICs are its MAC addresses in the order in which it asks for them.
	NICs []usher.MAC
	// Node is the UUID that the machine's boot file must name; empty: any
	// boot file will do.
	Node string
}

// Options say what storm to play.
type Options struct {
	API      *url.URL       // of the machines' door, http
	Address  netip.AddrPort // of the same: see Resolve
	Machines []Machine
	// IsNode says whether a UUID is some node's, so that a boot file that
	// names one that is not the machine's own is found out.
	IsNode func(uuid string) bool
	// Within spreads the machines' power-on at random over a time; Rate powers
	// on so many a second. With neither all power on at once.
	Within time.Duration
	Rate   float64
	// Rounds is how often the root script tries all NICs, with a pause that
	// grows by a second each time; Timeout is how long it waits for one.
	Rounds  int
	Timeout time.Duration
	// Progress is called every Every, where both are set.
	Progress func(Progress)
	Every    time.Duration
}

// Progress is how far the storm is.
type Progress struct {
	Elapsed                        time.Duration
	Machines, On, Configured, Lost int
	Answers, Retries               int
}

// storm is one that rages.
type storm struct {
	o       Options
	dial    func(machine int) dialer
	buffers readers
	began   time.Time
	tally   tally

	// Connections are held until this ends: with the storm, so that machines
	// that have what they came for go on holding theirs.
	open      context.Context
	lingerers sync.WaitGroup
}

// Run plays the storm until every machine has a configuration or has given up,
// or ctx ends: then the report is of what was so far, and says so.
func Run(ctx context.Context, o Options) *Report {
	address := o.Address.String()
	return run(ctx, o, func(machine int) dialer { return tcp(address, source(o.Address.Addr(), machine)) })
}

func run(ctx context.Context, o Options, dial func(machine int) dialer) *Report {
	s := &storm{o: o, dial: dial}
	open, end := context.WithCancel(ctx)
	defer s.lingerers.Wait()
	defer end()
	s.open = open
	s.began = time.Now()
	finished := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(finished) })

	var machines sync.WaitGroup
	for i, at := range s.powerOn() {
		if !pause(ctx, time.Until(s.began.Add(at))) {
			break
		}
		machines.Go(func() { s.play(ctx, i) })
	}
	machines.Wait()
	close(finished)
	watching.Wait()
	return s.report(ctx.Err() != nil)
}

// powerOn gives the time of each machine's power-on, in order.
func (s *storm) powerOn() []time.Duration {
	times := make([]time.Duration, len(s.o.Machines))
	for i := range times {
		switch {
		case s.o.Rate > 0:
			times[i] = time.Duration(float64(i) / s.o.Rate * float64(time.Second))
		case s.o.Within > 0:
			times[i] = rand.N(s.o.Within)
		}
	}
	slices.Sort(times)
	return times
}

func (s *storm) watch(finished <-chan struct{}) {
	if s.o.Progress == nil || s.o.Every <= 0 {
		return
	}
	tick := time.NewTicker(s.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.o.Progress(s.progress())
		case <-finished:
			s.o.Progress(s.progress())
			return
		}
	}
}

// Resolve finds the door once, for all machines and for who asks whether it is
// on this host's loopback: another look-up may have another answer.
func Resolve(ctx context.Context, api *url.URL) (netip.AddrPort, error) {
	port := api.Port()
	if port == "" {
		port = "80"
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", api.Hostname())
	if err != nil {
		return netip.AddrPort{}, usher.Errorf(usher.ErrUnavailable, "--api: %v", err)
	}
	at, err := netip.ParseAddrPort(net.JoinHostPort(addresses[0].Unmap().String(), port))
	if err != nil {
		return netip.AddrPort{}, usher.Errorf(usher.ErrInvalid, "--api: %v", err)
	}
	return at, nil
}

// source gives each machine an address of its own on an IPv4 loopback, since
// one address has some 28,000 ports and leaves each unused for a minute.
func source(door netip.Addr, i int) net.Addr {
	if !door.Is4() || !door.IsLoopback() {
		return nil
	}
	i = i%(1<<22) + 1
	return &net.TCPAddr{IP: net.IPv4(127, 128+byte(i>>16), byte(i>>8), byte(i))}
}

// pause waits, and says whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
