package storm

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestQuantiles: against the exact ones, for durations of all sizes.
func TestQuantiles(t *testing.T) {
	for _, most := range []time.Duration{10 * time.Microsecond, time.Millisecond, time.Second, time.Hour} {
		var h times
		all := make([]time.Duration, 10_000)
		for i := range all {
			all[i] = rand.N(most)
			h.add(all[i])
		}
		slices.Sort(all)
		for _, q := range []float64{0.0001, 0.5, 0.9, 0.99, 0.999, 1} {
			exact := all[int(q*float64(len(all))+0.5)-1]
			got := h.quantile(100 * q)
			if slack := exact/32 + time.Microsecond; got < exact || got > exact+slack {
				t.Errorf("up to %v, quantile %v: %v, exactly %v", most, q, got, exact)
			}
		}
	}
	var none times
	if got := none.quantile(50); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
