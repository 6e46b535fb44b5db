package journal

import (
	"slices"
	"testing"
)

// FuzzTable holds the table against a slice that does the same slowly.
func FuzzTable(f *testing.F) {
	f.Add([]byte("abcdeAfghijBkc"))
	f.Add([]byte{0, 1, 2, 3, 128, 129, 130, 0, 131})
	f.Fuzz(func(t *testing.T, steps []byte) {
		const size = 4
		table := newTable[byte, int](size)
		type pair struct {
			key   byte
			value int
		}
		var model []pair // newest first
		for n, step := range steps {
			key := step & 0x0f
			at := slices.IndexFunc(model, func(p pair) bool { return p.key == key })
			if at >= 0 {
				if got, ok := table.get(key); !ok || got != model[at].value {
					t.Fatalf("step %d: get %d is %d, %v", n, key, got, ok)
				}
				model = slices.Delete(model, at, at+1)
			} else if _, ok := table.get(key); ok {
				t.Fatalf("step %d: %d is there", n, key)
			}
			if step&0x80 != 0 {
				table.remove(key)
			} else {
				forgotten, full := table.put(key, n)
				model = slices.Insert(model, 0, pair{key, n})
				if wantFull := len(model) > size; full != wantFull || full && forgotten != model[size].value {
					t.Fatalf("step %d: forgot %d, %v", n, forgotten, full)
				}
				model = model[:min(len(model), size)]
			}
			var got []pair
			for k, v := range table.each {
				got = append(got, pair{k, v})
			}
			if !slices.Equal(got, model) {
				t.Fatalf("step %d: %v, want %v", n, got, model)
			}
		}
	})
}
