// Package hashring is the consistent hash ring of Python's tooz, point for
// point, because Ironic's processes and ours must name the same conductor for
// a node. It follows tooz/hashring.py (3.1.0) with weight 1.
//
// It knows nothing of conductors, groups or databases, and it cannot change:
// another set of hosts is another ring.
package hashring

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/usher-boot/usher"
)

// MaxExponent bounds New: 2^20 points for each host take 20 MiB.
const MaxExponent = 20

// Ring maps keys to hosts. It is immutable and safe for concurrent use.
type Ring struct {
	hosts []string // distinct, sorted
	sum   func([]byte) point
	// The points in ascending order and, at the same index, their host.
	// Apart from each other, since together they would be padded.
	points []point
	owner  []uint32
}

// point is the start of a digest as a big-endian number: the whole of an MD5,
// the first half or less of the others. Digests that differ only beyond 128
// bits have never been found, so the order is the one of the whole digests.
type point struct{ hi, lo uint64 }

func (p point) compare(q point) int {
	if c := cmp.Compare(p.hi, q.hi); c != 0 {
		return c
	}
	return cmp.Compare(p.lo, q.lo)
}

func pointOf(digest []byte) point {
	return point{binary.BigEndian.Uint64(digest), binary.BigEndian.Uint64(digest[8:16])}
}

// New builds the ring of the hosts, in any order, a repeated one counting
// once, with 2^exponent points for each ([DEFAULT]hash_partition_exponent).
// The algorithm is one of Algorithms ([DEFAULT]hash_ring_algorithm). A ring
// without hosts is valid and owns nothing.
func New(algorithm string, exponent int, hosts []string) (*Ring, error) {
	a, err := lookup(algorithm)
	if err != nil {
		return nil, err
	}
	if exponent < 0 || exponent > MaxExponent {
		return nil, usher.Errorf(usher.ErrInvalid,
			"hash_partition_exponent = %d: want 0 to %d", exponent, MaxExponent)
	}
	r := &Ring{hosts: slices.Clone(hosts), sum: a.sum}
	slices.Sort(r.hosts)
	r.hosts = slices.Compact(r.hosts)
	r.build(a, 1<<exponent)
	return r, nil
}

// build places n points for each host: the running digest of the host's name
// written twice, three times, and so on.
func (r *Ring) build(a algorithm, n int) {
	type placed struct {
		point
		owner uint32
	}
	all := make([]placed, 0, n*len(r.hosts))
	var digest []byte
	for i, host := range r.hosts {
		name, h := []byte(host), a.new()
		h.Write(name)
		for range n {
			h.Write(name)
			digest = h.Sum(digest[:0])
			all = append(all, placed{pointOf(digest), uint32(i)})
		}
	}
	slices.SortFunc(all, func(a, b placed) int { return a.compare(b.point) })
	r.points, r.owner = make([]point, len(all)), make([]uint32, len(all))
	for i, p := range all {
		r.points[i], r.owner[i] = p.point, p.owner
	}
}

// Hosts lists the distinct hosts of the ring, sorted. It must not be modified.
func (r *Ring) Hosts() []string { return r.hosts }

// Owner returns the host that owns the key, or false where there are no hosts.
func (r *Ring) Owner(key string) (string, bool) {
	if len(r.points) == 0 {
		return "", false
	}
	return r.hosts[r.owner[r.position(key)]], true
}

// Owners returns every host of the ring: the owner of the key first, which is
// the only one that Ironic asks, then the others in the order in which the
// ring would pass the key on to them. Without hosts it is nil.
func (r *Ring) Owners(key string) []string {
	if len(r.points) == 0 {
		return nil
	}
	owners := make([]string, 0, len(r.hosts))
	var few [4]uint64 // a bit for each host seen; enough for 256 of them
	seen := few[:]
	if need := (len(r.hosts) + 63) / 64; need > len(few) {
		seen = make([]uint64, need)
	}
	for i := r.position(key); len(owners) < len(r.hosts); i++ {
		if i == len(r.points) {
			i = 0
		}
		o := r.owner[i]
		if bit := uint64(1) << (o % 64); seen[o/64]&bit == 0 {
			seen[o/64] |= bit
			owners = append(owners, r.hosts[o])
		}
	}
	return owners
}

// Share counts the points' arcs: the part of all keys, 0 to 1, that each host
// of Hosts owns.
func (r *Ring) Share() []float64 {
	share := make([]float64, len(r.hosts))
	if len(r.points) == 0 {
		return share
	}
	const circle = 1 << 64
	previous := r.points[len(r.points)-1].hi
	for i, p := range r.points {
		// The arc that ends in a point is its owner's. The difference wraps.
		share[r.owner[i]] += float64(p.hi-previous) / circle
		previous = p.hi
	}
	if len(r.hosts) == 1 {
		share[0] = 1 // to the last digit, whatever the arcs add up to
	}
	return share
}

// position is the index of the first point strictly after the key's, round
// the circle.
func (r *Ring) position(key string) int {
	k := r.sum([]byte(key))
	low, high := 0, len(r.points)
	for low < high {
		if mid := int(uint(low+high) >> 1); r.points[mid].compare(k) > 0 {
			high = mid
		} else {
			low = mid + 1
		}
	}
	if low == len(r.points) {
		return 0
	}
	return low
}
