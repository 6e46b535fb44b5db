package bootapi

import (
	"hash/maphash"
	"math"
	"net/netip"
	"sync"
	"time"
)

// Networks are the networks that are let in; none means all.
type Networks []netip.Prefix

// ParseNetworks reads prefixes and single addresses.
func ParseNetworks(list []string) (Networks, error) {
	networks := make(Networks, 0, len(list))
	for _, s := range list {
		if addr, err := netip.ParseAddr(s); err == nil {
			networks = append(networks, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, err
		}
		networks = append(networks, prefix)
	}
	return networks, nil
}

// Allow says whether an address is let in.
func (n Networks) Allow(addr netip.Addr) bool {
	if len(n) == 0 {
		return true
	}
	addr = addr.Unmap().WithZone("")
	for _, prefix := range n {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// meter bounds the rate of each source, in memory that does not depend on how
// many there are. A source has a cell in each row, chosen by a hash that
// nobody else knows; a cell says until when the requests so far have used the
// source up, and the least of its cells counts. Sources that share a cell can
// only make each other look busier, so a source never gets more than the
// rate, nothing needs to be evicted, and no flood of addresses makes the meter
// forget anyone. What many sources at a time cost is false refusals: see
// docs/decisions/0081.
type meter struct {
	interval time.Duration // between two requests at the rate
	slack    time.Duration // how far ahead of the rate a burst may be
	now      func() time.Time
	seed     maphash.Seed
	start    time.Time

	width uint64
	mu    sync.Mutex
	cells [meterRows][]time.Duration // since start
}

// A hash of 64 bits names a cell in each of 4 rows of up to 65,536, which
// are 2 MiB.
const (
	meterRows = 4
	maxWidth  = 1 << (64 / meterRows)
)

// newMeter bounds each source to one request an interval, and burst at once.
// width is the length of a row, a power of 2.
func newMeter(width uint64, interval time.Duration, burst int) *meter {
	m := &meter{interval: interval, slack: interval * time.Duration(burst-1), now: time.Now, seed: maphash.MakeSeed(), width: width}
	for row := range m.cells {
		m.cells[row] = make([]time.Duration, width)
	}
	m.start = m.now()
	return m
}

// take counts a request, or says that it is too much.
func (m *meter) take(source netip.Addr) bool {
	hash := maphash.Comparable(m.seed, source)
	now := m.now().Sub(m.start)
	m.mu.Lock()
	defer m.mu.Unlock()
	var cells [meterRows]*time.Duration
	until := time.Duration(math.MaxInt64)
	for row := range cells {
		cells[row] = &m.cells[row][hash%m.width]
		hash /= maxWidth
		until = min(until, *cells[row])
	}
	until = max(until, now)
	if until-now > m.slack {
		return false
	}
	until += m.interval
	for _, cell := range cells {
		*cell = max(*cell, until)
	}
	return true
}
