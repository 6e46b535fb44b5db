package storm

import (
	"math/bits"
	"time"
)

// histogram holds durations to within 1 part in 64, in memory that does not
// grow with their number. Its zero value is ready.
type histogram struct {
	buckets [64 * perOctave]uint32
	count   int
	max     time.Duration
}

const perOctave = 64

func (h *histogram) add(d time.Duration) {
	h.buckets[bucket(d)]++
	h.count++
	h.max = max(h.max, d)
}

// bucket counts linearly up to perOctave microseconds, and in perOctave steps
// for each doubling from there.
func bucket(d time.Duration) int {
	n := uint64(max(0, d/time.Microsecond))
	if n < perOctave {
		return int(n)
	}
	shift := bits.Len64(n) - bits.Len64(perOctave)
	return shift*perOctave + int(n>>shift)
}

// upper is the end of a bucket.
func upper(bucket int) time.Duration {
	if bucket < perOctave {
		return time.Duration(bucket+1) * time.Microsecond
	}
	shift := bucket/perOctave - 1
	return time.Duration((bucket%perOctave+perOctave+1)<<shift) * time.Microsecond
}

// quantile is the duration that a part q of all are not longer than.
func (h *histogram) quantile(q float64) time.Duration {
	rank := max(1, int(q*float64(h.count)+0.999999))
	for i, n := range h.buckets {
		if rank -= int(n); rank <= 0 && n > 0 {
			return min(upper(i), h.max)
		}
	}
	return h.max
}
