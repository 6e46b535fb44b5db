package storm

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/usher-boot/usher"
)

// request is what is asked for.
type request int

const (
	rootScript request = iota
	bootFile
)

// tally is what all machines have seen so far.
type tally struct {
	mu               sync.Mutex
	on, have, lost   int
	answers          map[string]int
	failures         map[string]int // requests without an answer, by kind
	lostFor          map[string]int
	retries, rounds  int
	connections      int
	connect          times
	root, mine       times // the two that a machine is after
	nothing, later   times // of a NIC that has none; of "come again"
	first            times
	last             time.Duration // of the configurations, since the storm began
	checked, unnamed int
	wrong            []string // the first ones
	wrongs           int
}

const maxWrong = 20

func (t *tally) powerOn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.on++
}

func (t *tally) configure(took, at time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.have++
	t.first.add(took)
	t.last = max(t.last, at)
}

func (t *tally) lose(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost++
	count(&t.lostFor, why)
}

func (t *tally) connected(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.connections++
	t.connect.add(took)
}

func (t *tally) retry() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retries++
}

func (t *tally) anotherRound() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rounds++
}

func (t *tally) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count(&t.failures, kindOf(err))
}

func (t *tally) answered(what request, a *answer, took time.Duration) {
	kind, of := fmt.Sprint(a.status), &t.nothing
	switch {
	case a.status == 200 && !a.script():
		kind = "200, not a script"
	case a.status == 200 && what == rootScript:
		kind, of = "200, root script", &t.root
	case a.status == 200:
		kind, of = "200, boot file", &t.mine
	case a.retryAfter >= 0:
		of = &t.later
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	count(&t.answers, kind)
	of.add(took)
}

func count(m *map[string]int, key string) {
	if *m == nil {
		*m = map[string]int{}
	}
	(*m)[key]++
}

// check holds a boot file against the machine it is for.
func (t *tally) check(m *Machine, mac usher.MAC, script string, isNode func(string) bool) {
	if m.Node == "" {
		return
	}
	own, foreign := false, ""
	for uuid := range uuids(script) {
		switch {
		case uuid == m.Node:
			own = true
		case isNode != nil && isNode(uuid):
			foreign = uuid
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checked++
	switch {
	case foreign != "":
		t.wrongs++
		if len(t.wrong) < maxWrong {
			t.wrong = append(t.wrong, fmt.Sprintf("%s of node %s got a boot file that names node %s", mac, m.Node, foreign))
		}
	case !own:
		t.unnamed++
	}
}

// uuids gives every UUID in a text, in lower case. A boot file names its node
// in the paths of kernel and ramdisk, and ours in a comment too.
func uuids(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		const first, length = 8, 36 // a UUID's first hyphen, and all of it
		for i := 0; ; {
			hyphen := strings.IndexByte(text[i:], '-')
			if hyphen < 0 {
				return
			}
			start := i + hyphen - first
			i += hyphen + 1
			if start < 0 || start+length > len(text) || !isUUID(text[start:start+length]) {
				continue
			}
			if !yield(strings.ToLower(text[start : start+length])) {
				return
			}
			i = start + length
			if i >= len(text) {
				return
			}
		}
	}
}

func isUUID(s string) bool {
	for i := range len(s) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (s[i] == '-') || !hyphen && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}
