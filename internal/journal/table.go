package journal

// table is a bounded map that forgets what was least recently used. It is
// not safe for concurrent use.
type table[K comparable, V any] struct {
	size  int
	index map[K]int
	rows  []row[K, V]
	// newest and oldest are the ends of the list through the rows, -1 for none.
	newest, oldest int
}

type row[K comparable, V any] struct {
	key          K
	value        V
	newer, older int
}

func newTable[K comparable, V any](size int) *table[K, V] {
	return &table[K, V]{size: size, index: map[K]int{}, newest: -1, oldest: -1}
}

// get returns the value of a key, and does not count as use.
func (t *table[K, V]) get(key K) (value V, ok bool) {
	i, ok := t.index[key]
	if ok {
		value = t.rows[i].value
	}
	return value, ok
}

// put sets the value of a key and returns what was forgotten for it.
func (t *table[K, V]) put(key K, value V) (forgotten V, full bool) {
	i, ok := t.index[key]
	switch {
	case ok:
		t.unlink(i)
	case len(t.rows) < t.size:
		i = len(t.rows)
		t.rows = append(t.rows, row[K, V]{})
	default:
		i, full = t.oldest, true
		forgotten = t.rows[i].value
		delete(t.index, t.rows[i].key)
		t.unlink(i)
	}
	if !ok {
		t.index[key] = i
	}
	t.rows[i] = row[K, V]{key: key, value: value, newer: -1, older: t.newest}
	if t.newest >= 0 {
		t.rows[t.newest].newer = i
	} else {
		t.oldest = i
	}
	t.newest = i
	return forgotten, full
}

// remove forgets a key.
func (t *table[K, V]) remove(key K) {
	i, ok := t.index[key]
	if !ok {
		return
	}
	delete(t.index, key)
	t.unlink(i)
	if end := len(t.rows) - 1; i != end { // the last row moves into the gap
		moved := t.rows[end]
		t.rows[i] = moved
		t.index[moved.key] = i
		if moved.newer >= 0 {
			t.rows[moved.newer].older = i
		} else {
			t.newest = i
		}
		if moved.older >= 0 {
			t.rows[moved.older].newer = i
		} else {
			t.oldest = i
		}
	}
	t.rows[len(t.rows)-1] = row[K, V]{}
	t.rows = t.rows[:len(t.rows)-1]
}

func (t *table[K, V]) unlink(i int) {
	r := t.rows[i]
	if r.newer >= 0 {
		t.rows[r.newer].older = r.older
	} else {
		t.newest = r.older
	}
	if r.older >= 0 {
		t.rows[r.older].newer = r.newer
	} else {
		t.oldest = r.newer
	}
}

// each walks from the newest to the oldest.
func (t *table[K, V]) each(yield func(K, V) bool) {
	for i := t.newest; i >= 0; i = t.rows[i].older {
		if !yield(t.rows[i].key, t.rows[i].value) {
			return
		}
	}
}
