package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// node is a machine, and what it must get.
type node struct {
	uuid, name, mac string

	mu         sync.Mutex
	generation int       // of its parameters
	changing   bool      // it is being deployed anew: both generations, and nothing, may be seen
	settled    time.Time // since when generation alone is right
	served     time.Time // when its last right answer was complete
}

// params are the kernel parameters of one generation, of this node alone.
func (n *node) params(generation int) string {
	return fmt.Sprintf("usher.node=%s usher.generation=%d usher.end", n.uuid, generation)
}

// change tells that the node is about to be deployed anew.
func (n *node) change() (next int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changing = true
	return n.generation + 1
}

// settle tells that the node waits with the parameters of a generation.
func (n *node) settle(generation int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.generation, n.changing, n.settled = generation, false, time.Now()
}

// checker asks for boot files as machines do, at a steady rate, and judges
// each answer.
type checker struct {
	st      *site
	http    *http.Client
	like    string // a right answer, with node, generation and conductor to be filled in
	targets atomic.Pointer[[]string]

	mu         sync.Mutex
	answers    map[int]int // by status; 0 for those without
	wrong      []string
	disturbed  []disturbance // answers "not now" and none
	slowest    time.Duration // of the right answers since the last verdict
	unanswered bool          // whether no answer at all is allowed just now
}

// disturbance is a request that ended without a configuration.
type disturbance struct {
	began, ended time.Time
	what         string
}

const (
	requestRate = 200 // per second, over all nodes
	inFlight    = 800 // more than the slowest answers can add up to
)

// newChecker learns from one node's answer how all must look.
func newChecker(st *site, targets ...string) *checker {
	st.tb.Helper()
	return newCheckerBy(st, (&net.Dialer{}).DialContext, targets...)
}

// newCheckerBy is newChecker for machines that connect by dial.
func newCheckerBy(st *site, dial func(ctx context.Context, network, address string) (net.Conn, error), targets ...string) *checker {
	st.tb.Helper()
	c := &checker{st: st, answers: map[int]int{}, http: &http.Client{
		Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64, IdleConnTimeout: 5 * time.Second},
		Timeout:   20 * time.Second, // a machine's
	}}
	st.tb.Cleanup(c.http.CloseIdleConnections)
	c.aim(targets...)
	n := st.nodes[0]
	status, body, _, err := c.get(st.tb.Context(), targets[0], n)
	if err != nil || status != http.StatusOK {
		st.tb.Fatalf("first answer: %d, %v\n%s", status, err, body)
	}
	for _, base := range st.bases {
		body = strings.ReplaceAll(body, base, "{BASE}")
	}
	for _, part := range []struct{ of, as string }{
		{n.params(n.generation), "{PARAMS}"}, {n.uuid, "{UUID}"}, {n.name, "{NAME}"}} {
		if !strings.Contains(body, part.of) {
			st.tb.Fatalf("the first answer lacks %s:\n%s", part.of, body)
		}
		body = strings.ReplaceAll(body, part.of, part.as)
	}
	if !strings.HasPrefix(body, "#!ipxe\n") || !kernelURL.MatchString(body) {
		st.tb.Fatalf("the first answer is no boot script with a kernel of one of the conductors:\n%s", body)
	}
	c.like = body
	return c
}

// kernelURL is a kernel of one of the conductors, by its content.
var kernelURL = regexp.MustCompile(`\{BASE\}/images/[0-9a-f]{64}/deploy_kernel`)

// aim makes the checker ask these doors from now on.
func (c *checker) aim(targets ...string) { c.targets.Store(&targets) }

func (c *checker) get(ctx context.Context, door string, n *node) (status int, body, retry string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, door+"/v1/boot/"+n.mac+"/boot.ipxe", nil)
	if err != nil {
		return 0, "", "", err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.ContentLength != int64(len(b)) {
		err = errors.New("the answer does not have the length that it announced")
	}
	return res.StatusCode, string(b), res.Header.Get("Retry-After"), err
}

// run asks until ctx ends: nodes in turn, doors at random.
func (c *checker) run(ctx context.Context) {
	limit := rate.NewLimiter(requestRate, 1)
	slots := make(chan struct{}, inFlight)
	var all sync.WaitGroup
	for i := 0; limit.Wait(ctx) == nil; i++ {
		n := c.st.nodes[i%len(c.st.nodes)]
		doors := *c.targets.Load()
		door := doors[rand.IntN(len(doors))]
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			c.ask(n, door)
		})
	}
	all.Wait()
}

// ask asks once and judges the answer.
func (c *checker) ask(n *node, door string) {
	began := time.Now()
	n.mu.Lock()
	before, changingBefore := n.generation, n.changing
	n.mu.Unlock()
	// Not under run's context: each request is brought to its end and judged.
	status, body, retry, err := c.get(context.Background(), door, n)
	ended := time.Now()
	n.mu.Lock()
	after, changing := n.generation, n.changing
	n.mu.Unlock()
	moved := changingBefore || changing || before != after

	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		status = 0
	}
	c.answers[status]++
	note := func(format string, args ...any) {
		if len(c.wrong) < 20 {
			c.wrong = append(c.wrong, fmt.Sprintf("%s %s via %s: ", began.Format("05.000"), n.name, door)+fmt.Sprintf(format, args...))
		}
	}
	disturb := func(what string) { c.disturbed = append(c.disturbed, disturbance{began, ended, n.name + ": " + what}) }
	switch {
	case err != nil:
		if !c.unanswered {
			note("no answer: %v", err)
		}
		disturb(err.Error())
	case status == http.StatusOK:
		generations := []int{after}
		if moved {
			generations = []int{before, before + 1, after, after + 1}
		}
		if !c.right(n, body, generations) {
			note("generation %v expected (being deployed anew: %v), got\n%s", generations, moved, body)
			return
		}
		n.mu.Lock()
		n.served = ended
		n.mu.Unlock()
		c.slowest = max(c.slowest, ended.Sub(began))
	case status == http.StatusServiceUnavailable:
		if retry == "" {
			note("503 without Retry-After")
		}
		if !moved {
			disturb("503")
		}
	case status == http.StatusNotFound && moved:
	default:
		note("status %d (being deployed anew: %v): %q", status, moved, body)
	}
}

// right compares a whole answer with what the node must get from any one of
// the conductors.
func (c *checker) right(n *node, body string, generations []int) bool {
	for _, base := range c.st.bases {
		for _, g := range generations {
			if body == strings.NewReplacer("{BASE}", base, "{UUID}", n.uuid, "{NAME}", n.name, "{PARAMS}", n.params(g)).Replace(c.like) {
				return true
			}
		}
	}
	return false
}

// recovery is what the issue allows between a failure (or the return of the
// database) and the moment when all nodes are served again.
const recovery = 5 * time.Second

// recovered lets the load go on after a failure and then holds what machines
// got against the promise. reach is how long to go on looking beyond it.
func (c *checker) recovered(what string, failed time.Time, reach time.Duration) {
	c.st.tb.Helper()
	time.Sleep(time.Until(failed.Add(recovery + reach)))
	c.mu.Lock()
	defer c.mu.Unlock()
	worst, late := time.Duration(0), 0
	for _, d := range c.disturbed {
		if d.began.Before(failed) {
			continue
		}
		worst = max(worst, d.ended.Sub(failed))
		if d.began.After(failed.Add(recovery)) {
			late++
			if late <= 5 {
				c.st.tb.Errorf("%s: %s asked %v after it, and the issue promises that all nodes are served again within %v of any single failure: %s",
					what, d.began.Format("05.000"), d.began.Sub(failed).Round(time.Millisecond), recovery, d.what)
			}
		}
	}
	unserved := 0
	for _, n := range c.st.nodes {
		n.mu.Lock()
		if !n.changing && n.settled.Before(failed) && !n.served.After(failed) {
			unserved++
		}
		n.mu.Unlock()
	}
	if unserved > 0 {
		c.st.tb.Errorf("%s: %d nodes had no right answer within %v", what, unserved, recovery+reach)
	}
	c.verdict(what)
	c.st.tb.Logf("%s: last disturbed answer %v after it, slowest right one took %v; answers so far %v",
		what, worst.Round(time.Millisecond), c.slowest.Round(time.Millisecond), c.answers)
	c.disturbed, c.slowest = nil, 0
}

// verdict tells of wrong answers. c.mu is held.
func (c *checker) verdict(what string) {
	c.st.tb.Helper()
	for _, w := range c.wrong {
		c.st.tb.Errorf("%s: wrong answer: %s", what, w)
	}
	c.wrong = nil
}

// allowUnanswered says whether a request may end without any answer, as it
// does where the process that it was sent to is killed.
func (c *checker) allowUnanswered(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unanswered = yes
}

// deployAll deploys nodes anew, several at a time, each by one of the APIs.
func (st *site) deployAll(nodes []*node, bases ...string) {
	st.tb.Helper()
	var group sync.WaitGroup
	slots := make(chan struct{}, 6)
	for i, n := range nodes {
		next := n.change()
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := st.deploy(bases[i%len(bases)], n, next); err != nil {
				st.tb.Error(err)
			}
		})
	}
	group.Wait()
}
