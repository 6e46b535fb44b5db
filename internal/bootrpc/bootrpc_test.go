package bootrpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// far is a conductor behind a wire.
type far struct {
	ready   map[string]string // by UUID
	slow    map[string]string // answered only when asked alone
	err     error
	plain   bool // knows nothing but the specification's method
	latency time.Duration

	mu    sync.Mutex
	calls []string // methods
	nodes []usher.BootNode
}

func (f *far) ReadyBootConfig(_ context.Context, node usher.BootNode, file string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes = append(f.nodes, node)
	config, ok := f.ready[node.UUID]
	return config + file, ok
}

// noMethod is what a JSON-RPC client returns for a method that is not there.
type noMethod struct{}

func (noMethod) Error() string       { return "no such method" }
func (noMethod) UnknownMethod() bool { return true }

func (f *far) come(ctx context.Context, host, what string) error {
	f.mu.Lock()
	f.calls = append(f.calls, host+" "+what)
	f.mu.Unlock()
	select {
	case <-time.After(f.latency):
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *far) Upgrade(ctx context.Context, host, path, protocol string) (io.ReadWriteCloser, error) {
	if f.err != nil || f.plain || path != Path || protocol != Protocol {
		if err := f.come(ctx, host, path); err != nil {
			return nil, err
		}
		return nil, noMethod{}
	}
	near, there := net.Pipe()
	go func() {
		defer there.Close()
		(&Server{Conductor: f}).serve(context.Background(), there, bufio.NewReader(there))
	}()
	return &farLine{near, f, host}, nil
}

// farLine is a line to a conductor; each question is written at once.
type farLine struct {
	net.Conn
	f    *far
	host string
}

func (l *farLine) Write(question []byte) (int, error) {
	if err := l.f.come(context.Background(), l.host, Path); err != nil {
		return 0, err
	}
	return l.Conn.Write(question)
}

func (f *far) Call(ctx context.Context, host, method string, params map[string]any, result any) error {
	if err := f.come(ctx, host, method); err != nil {
		return err
	}
	id := params["node_id"].(string)
	config, ok := f.slow[id]
	if !ok {
		if config, ok = f.ready[id]; !ok {
			return usher.Errorf(usher.ErrNotFound, "none")
		}
	}
	*result.(*string) = config + params["name"].(string)
	return nil
}

func node(uuid string) usher.BootNode {
	return usher.BootNode{UUID: uuid, BootInterface: "ipxe", ProvisionState: usher.DeployWait, ConductorAffinity: 3,
		ProvisionUpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}
}

func get(t *testing.T, c *Client, uuid string) (string, error) {
	t.Helper()
	return c.GetBootConfig(t.Context(), "b", node(uuid), "boot.ipxe")
}

func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{ready: map[string]string{"1": "one ", "2": "two ", "3": "three "}, latency: time.Millisecond}
		c := New(Options{Caller: f, Timeout: func() time.Duration { return time.Minute }})
		defer c.Close()
		var all sync.WaitGroup
		for uuid, want := range map[string]string{"1": "one boot.ipxe", "2": "two boot.ipxe", "3": "three boot.ipxe"} {
			all.Go(func() {
				if got, err := get(t, c, uuid); got != want || err != nil {
					t.Errorf("%s: %q, %v", uuid, got, err)
				}
			})
			synctest.Wait() // the first is on its way before the others come
		}
		all.Wait()
		if diff := cmp.Diff([]string{"b " + Path, "b " + Path}, f.calls); diff != "" {
			t.Errorf("the first alone, the others together (-want +got):\n%s", diff)
		}
		// The conductor is told of the node's row what the API has read.
		for _, got := range f.nodes {
			if diff := cmp.Diff(node(got.UUID), got); diff != "" {
				t.Errorf("node on the other side (-want +got):\n%s", diff)
			}
		}
	})
}

func TestAlone(t *testing.T) {
	for _, c := range []struct {
		name   string
		far    *far
		uuid   string
		alone  bool
		want   string
		err    error
		called []string
	}{
		{name: "not ready", far: &far{slow: map[string]string{"1": "slow "}}, uuid: "1", want: "slow boot.ipxe", called: []string{Path, Method}},
		{name: "none", far: &far{}, uuid: "1", err: usher.ErrNotFound, called: []string{Path, Method}},
		{name: "for tracing", far: &far{ready: map[string]string{"1": "one "}}, alone: true, uuid: "1", want: "one boot.ipxe", called: []string{Method}},
		{name: "unreachable", far: &far{err: usher.ErrUnavailable}, uuid: "1", err: usher.ErrUnavailable, called: []string{Path}},
		{name: "a stranger", far: &far{plain: true, ready: map[string]string{"1": "one "}}, uuid: "1", want: "one boot.ipxe", called: []string{Path, Method}},
		{name: "too large for an answer with others", far: &far{ready: map[string]string{"1": strings.Repeat("x", mostBytes)}}, uuid: "1",
			want: strings.Repeat("x", mostBytes) + "boot.ipxe", called: []string{Path, Method}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := New(Options{Caller: c.far, Timeout: func() time.Duration { return time.Minute }, Alone: func(context.Context) bool { return c.alone }})
			defer client.Close()
			got, err := get(t, client, c.uuid)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%.40q, %v", got, err)
			}
			for i := range c.called {
				c.called[i] = "b " + c.called[i]
			}
			if diff := cmp.Diff(c.called, c.far.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// A conductor that knows only the specification is asked by its words, and
// after a while once more by ours: it may have been upgraded.
func TestStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{plain: true, ready: map[string]string{"1": "one "}}
		c := New(Options{Caller: f, Timeout: func() time.Duration { return time.Minute }})
		defer c.Close()
		want := []string{"b " + Path, "b " + Method, "b " + Method, "b " + Path}
		for range 2 {
			if got, err := get(t, c, "1"); got != "one boot.ipxe" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		time.Sleep(asAloneFor)
		f.plain = false
		if got, err := get(t, c, "1"); got != "one boot.ipxe" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if diff := cmp.Diff(want, f.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

// TestTimeoutChanges: a reload's time-out bounds the next call for many.
func TestTimeoutChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{ready: map[string]string{"1": "one "}, latency: 5 * time.Second}
		timeout := 3 * time.Second
		c := New(Options{Caller: f, Timeout: func() time.Duration { return timeout }})
		defer c.Close()
		if _, err := get(t, c, "1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after 3 s: %v", err)
		}
		timeout = 10 * time.Second
		if got, err := get(t, c, "1"); got != "one boot.ipxe" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

type local struct{ far }

func (l *local) BootConfigOf(ctx context.Context, n usher.BootNode, file string) (string, error) {
	deadline, _ := ctx.Deadline()
	return fmt.Sprint(n.UUID, " here ", file, " within ", time.Until(deadline)), nil
}

// TestLocal: the conductor in this process is asked without a wire, and given
// as much time as any other for what it has not ready.
func TestLocal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{ready: map[string]string{"1": "one "}}
		here := &local{far{ready: map[string]string{"2": "two "}}}
		c := New(Options{Local: here, IsLocal: func(host string) bool { return host == "a" }, Caller: f, Timeout: func() time.Duration { return time.Minute }})
		defer c.Close()
		for _, ask := range []struct{ host, uuid, want string }{
			{"a", "1", "1 here boot.ipxe within 1m0s"},
			{"a", "2", "two boot.ipxe"},
			{"b", "1", "one boot.ipxe"},
		} {
			if got, err := c.GetBootConfig(t.Context(), ask.host, node(ask.uuid), "boot.ipxe"); got != ask.want || err != nil {
				t.Errorf("%s of %s: %q, %v", ask.uuid, ask.host, got, err)
			}
		}
		if diff := cmp.Diff([]string{"b " + Path}, f.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

// TestAnswer: what is not a question in our form is refused.
func TestAnswer(t *testing.T) {
	many := func(n int) []byte {
		var b []byte
		for range n {
			b = appendQuestion(b, question{"boot.ipxe", node("1")})
		}
		return b
	}
	for _, c := range []struct {
		name     string
		question []byte
		err      error
	}{
		{"one", many(1), nil},
		{"as many as go", many(mostFiles), nil},
		{"too many", many(mostFiles + 1), errWire},
		{"cut", many(1)[:20], errWire},
		{"JSON", []byte(`{"jsonrpc": "2.0"}`), errWire},
	} {
		if _, err := (&Server{Conductor: &far{}}).answer(t.Context(), c.question, nil); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
	}
}

// A conductor's answer in another form is an outage, never a boot file.
func TestBrokenAnswer(t *testing.T) {
	good := appendAnswer(nil, "#!ipxe\n", true)
	for name, raw := range map[string][]byte{"empty": {}, "cut": good[:4], "more": append(good, 0), "endless": {0xff, 0xff, 0xff}} {
		if err := readAnswers(raw, 1, func(int, string, bool) {}); !errors.Is(err, errWire) {
			t.Errorf("%s: %v", name, err)
		}
	}
	none := question{name: "", node: usher.BootNode{}}
	got, rest, err := readQuestion(appendQuestion(nil, none))
	if diff := cmp.Diff(none, got, cmp.AllowUnexported(question{})); err != nil || len(rest) > 0 || diff != "" {
		t.Errorf("%v, %d bytes left\n%s", err, len(rest), diff)
	}
}

// FuzzWire: any bytes are refused or read as what writes them again.
func FuzzWire(f *testing.F) {
	f.Add(appendQuestion(nil, question{"boot.ipxe", node("1")}))
	f.Add(appendAnswer(appendAnswer(nil, "", false), "#!ipxe\n", true))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if q, _, err := readQuestion(raw); err == nil {
			again, rest, err := readQuestion(appendQuestion(nil, q))
			if diff := cmp.Diff(q, again, cmp.AllowUnexported(question{})); err != nil || len(rest) > 0 || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		}
		var again []byte
		if err := readAnswers(raw, 2, func(_ int, config string, ok bool) { again = appendAnswer(again, config, ok) }); err == nil {
			if err := readAnswers(again, 2, func(int, string, bool) {}); err != nil {
				t.Error(err)
			}
		}
	})
}
