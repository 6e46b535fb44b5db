package inventory

import (
	"context"
	"testing"

	"github.com/usher-boot/usher"
)

// TestKept: an address is looked up once for as long as nothing is committed,
// and again after any commit of anybody, be it about another node.
func TestKept(t *testing.T) {
	url := sqliteURL(t)
	s := openStore(t, url)
	other := openStore(t, url) // another process, as far as SQLite can tell
	known, unknown := usher.MAC{2, 0, 0, 0, 0, 1}, usher.MAC{2, 0, 0, 0, 0, 2}
	n := createNode(t, s, "n")
	createPort(t, s, n, known.String())

	ask := func(mac usher.MAC) (found, ok bool) {
		t.Helper()
		got, found, ok := s.lean.bootNode(t.Context(), mac)
		if found != (got.UUID == n.UUID) {
			t.Errorf("%s: found %v, node %q", mac, found, got.UUID)
		}
		return found, ok
	}
	for _, mac := range []usher.MAC{known, unknown} {
		if found, ok := ask(mac); found != (mac == known) || !ok {
			t.Fatalf("%s: found %v, ok %v", mac, found, ok)
		}
	}
	// Nobody can read from here on.
	var readers []*leanConn
	for range cap(s.lean.free) {
		readers = append(readers, <-s.lean.free)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, mac := range []usher.MAC{known, unknown} {
		if _, found, ok := s.lean.bootNode(gone, mac); found != (mac == known) || !ok {
			t.Errorf("%s, kept: found %v, ok %v", mac, found, ok)
		}
	}
	createPort(t, other, createNode(t, other, "m"), unknown.String())
	for _, mac := range []usher.MAC{known, unknown} {
		if _, _, ok := s.lean.bootNode(gone, mac); ok {
			t.Errorf("%s: answered by what was read before a commit", mac)
		}
	}
	for _, c := range readers {
		s.lean.free <- c
	}
	if got, found, ok := s.lean.bootNode(t.Context(), unknown); !found || !ok || got.Name != "m" {
		t.Errorf("%s, enrolled elsewhere: %+v, found %v, ok %v", unknown, got, found, ok)
	}
}

// TestKeptNewConnection: counts of two connections are not of one kind, even
// where they are the same number.
func TestKeptNewConnection(t *testing.T) {
	s := openStore(t, sqliteURL(t))
	mac := usher.MAC{2, 0, 0, 0, 0, 1}
	createPort(t, s, createNode(t, s, "n"), mac.String())
	s.lean.bootNode(t.Context(), mac)
	k := &s.lean.kept
	if _, known, _ := k.find(mac); !known {
		t.Fatal("nothing is kept")
	}
	k.conn.close()
	k.conn = nil
	if _, known, version := k.find(mac); known || version == 0 {
		t.Errorf("known %v at count %d of a new connection", known, version)
	}
}

// TestKeptBounds: a scan of addresses fills no memory, and what was read before
// a commit is not taken in after it.
func TestKeptBounds(t *testing.T) {
	k := &kept{version: 7}
	for i := range mostKept + 10 {
		k.keep(7, usher.MAC{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}, nil)
	}
	if len(k.nodes) != 10 {
		t.Errorf("%d addresses are kept, want the last 10", len(k.nodes))
	}
	mac := usher.MAC{4}
	for _, version := range []int64{0, 6} {
		if k.keep(version, mac, nil); len(k.nodes) != 10 {
			t.Errorf("kept at count %d while it is 7", version)
		}
	}
}
