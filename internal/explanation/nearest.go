package explanation

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/usher-boot/usher"
)

// near is a known address that looks like the unknown one.
type near struct {
	usher.KnownAddress
	relation string
	distance int64
}

// Relations, the nearest first.
const (
	relationSame   = "same" // a port group's
	relationDigit  = "one_digit"
	relationSwap   = "swapped"
	relationBeside = "beside"
	relationVendor = "vendor"
)

// Bounds of what is looked at: neighbours on each side, and how far one may be
// to be another NIC of the same machine.
const (
	neighbours = 4
	besideFar  = 16
)

// told bounds how many of a relation are told: where a site's addresses lie
// close together each has many that are alike.
var told = map[string]int{relationSame: 2, relationDigit: 4, relationSwap: 3, relationBeside: 4, relationVendor: 2}

// nearest looks for what an operator may have meant: at most 4 queries, each
// by the index of addresses.
func nearest(ctx context.Context, a Addresses, mac usher.MAC) ([]near, error) {
	candidates := alike(mac)
	ports, err := a.PortsAt(ctx, candidates)
	if err != nil {
		return nil, err
	}
	beside, err := a.PortsBeside(ctx, mac, neighbours)
	if err != nil {
		return nil, err
	}
	// An account that may not read port groups costs their line only.
	groups, groupsErr := a.PortgroupsAt(ctx, append(candidates, mac))
	if errors.Is(groupsErr, usher.ErrUnavailable) {
		return nil, groupsErr
	}
	var all []near
	for _, k := range slices.Concat(groups, ports, beside) {
		n := near{KnownAddress: k, relation: relate(mac, k.Address)}
		if [3]byte(mac[:3]) == [3]byte(k.Address[:3]) {
			n.distance = number(k.Address) - number(mac)
		}
		if !slices.ContainsFunc(all, func(o near) bool { return o.Address == n.Address && o.Portgroup == n.Portgroup }) {
			all = append(all, n)
		}
	}
	order := []string{relationSame, relationDigit, relationSwap, relationBeside, relationVendor}
	slices.SortStableFunc(all, func(a, b near) int {
		return cmp.Or(slices.Index(order, a.relation)-slices.Index(order, b.relation), cmp.Compare(abs(a.distance), abs(b.distance)))
	})
	count := map[string]int{}
	return slices.DeleteFunc(all, func(n near) bool {
		count[n.relation]++
		return count[n.relation] > told[n.relation]
	}), nil
}

// alike are the addresses with one digit changed or two swapped.
func alike(mac usher.MAC) []usher.MAC {
	digits := nibbles(mac)
	seen := map[usher.MAC]bool{mac: true}
	var all []usher.MAC
	add := func(d [12]byte) {
		if m := macOf(d); !seen[m] {
			seen[m] = true
			all = append(all, m)
		}
	}
	for i := range digits {
		for v := range byte(16) {
			changed := digits
			changed[i] = v
			add(changed)
		}
		for j := range i {
			swapped := digits
			swapped[i], swapped[j] = swapped[j], swapped[i]
			add(swapped)
		}
	}
	return all
}

// relate says how another address looks like mac.
func relate(mac, other usher.MAC) string {
	a, b := nibbles(mac), nibbles(other)
	var differ []int
	for i := range a {
		if a[i] != b[i] {
			differ = append(differ, i)
		}
	}
	switch {
	case len(differ) == 0:
		return relationSame
	case len(differ) == 1:
		return relationDigit
	case len(differ) == 2 && a[differ[0]] == b[differ[1]] && a[differ[1]] == b[differ[0]]:
		return relationSwap
	case abs(number(other)-number(mac)) <= besideFar:
		return relationBeside
	}
	return relationVendor
}

func nibbles(m usher.MAC) (d [12]byte) {
	for i, o := range m {
		d[2*i], d[2*i+1] = o>>4, o&15
	}
	return d
}

func macOf(d [12]byte) (m usher.MAC) {
	for i := range m {
		m[i] = d[2*i]<<4 | d[2*i+1]
	}
	return m
}

func number(m usher.MAC) (n int64) {
	for _, o := range m {
		n = n<<8 | int64(o)
	}
	return n
}

func abs(n int64) int64 { return max(n, -n) }
