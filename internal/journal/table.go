package journal

import "container/list"

// table is a bounded map that forgets what was least recently put. It is not
// safe for concurrent use.
type table[K comparable, V any] struct {
	size  int
	index map[K]*list.Element
	order list.List // of *row[K, V], the last one put first
}

type row[K comparable, V any] struct {
	key   K
	value V
}

func newTable[K comparable, V any](size int) *table[K, V] {
	return &table[K, V]{size: size, index: map[K]*list.Element{}}
}

func (t *table[K, V]) len() int { return len(t.index) }

// get returns the value of a key.
func (t *table[K, V]) get(key K) (value V, ok bool) {
	e, ok := t.index[key]
	if ok {
		value = e.Value.(*row[K, V]).value
	}
	return value, ok
}

// put sets the value of a key and returns what was forgotten for it.
func (t *table[K, V]) put(key K, value V) (forgotten V, full bool) {
	if e, ok := t.index[key]; ok {
		e.Value.(*row[K, V]).value = value
		t.order.MoveToFront(e)
		return forgotten, false
	}
	if full = len(t.index) == t.size; full {
		oldest := t.order.Back().Value.(*row[K, V])
		forgotten = oldest.value
		t.remove(oldest.key)
	}
	t.index[key] = t.order.PushFront(&row[K, V]{key, value})
	return forgotten, full
}

// remove forgets a key.
func (t *table[K, V]) remove(key K) {
	if e, ok := t.index[key]; ok {
		t.order.Remove(e)
		delete(t.index, key)
	}
}

// each walks from the last one put to the first.
func (t *table[K, V]) each(yield func(K, V) bool) {
	for e := t.order.Front(); e != nil; e = e.Next() {
		if r := e.Value.(*row[K, V]); !yield(r.key, r.value) {
			return
		}
	}
}
