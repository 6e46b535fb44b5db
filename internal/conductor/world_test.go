package conductor_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/conductor"
	"github.com/usher-boot/usher/internal/images"
	"github.com/usher-boot/usher/internal/inventory"
)

// rings is a hash ring whose owners the test decides.
type rings struct {
	mu     sync.Mutex
	active []string // the first owns every node; none: no valid host
	owner  map[string]string
	turn   int
	asked  int // times that the fingerprint was asked for: passes of Run
}

func (r *rings) set(active ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active = active
	r.turn++
}

func (r *rings) Owners(_ context.Context, _, _, key string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.active) == 0 {
		return nil, usher.Errorf(usher.ErrUnavailable, "No valid host was found.").WithClass("NoValidHost")
	}
	if owner := r.owner[key]; owner != "" {
		return append([]string{owner}, r.active...), nil
	}
	return slices.Clone(r.active), nil
}

func (r *rings) Active(context.Context) (found []usher.Conductor, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, host := range r.active {
		found = append(found, usher.Conductor{Hostname: host, Online: true})
	}
	return found, nil
}

func (r *rings) Fingerprint(context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	return fmt.Sprint(r.turn), nil
}

// nodeImages is the image store as internal/app gives it to a conductor.
type nodeImages struct{ *images.Store }

func (n nodeImages) Fetch(ctx context.Context, url, checksum string, since time.Time) (string, error) {
	return n.Store.Fetch(ctx, images.Image{URL: url, Checksum: checksum}, since)
}

func (n nodeImages) Sweep(ctx context.Context, inUse func(context.Context) (conductor.Use, error)) error {
	return n.Store.Sweep(ctx, func(ctx context.Context) (images.Use, error) {
		use, err := inUse(ctx)
		found := images.Use{Images: map[images.Image]bool{}, Digests: use.Digests}
		for s := range use.Sources {
			found.Images[images.Image{URL: s.URL, Checksum: s.Checksum}] = true
		}
		return found, err
	})
}

// digest is the SHA-256 of what the image server has at a path.
func digest(path string) string {
	sum := sha256.Sum256([]byte("image " + path))
	return hex.EncodeToString(sum[:])
}

// imageServer serves any path but /missing..., and what begins with /slow
// only once it was let go.
type imageServer struct {
	*httptest.Server
	slow   chan struct{}
	asked  chan string // paths of slow requests, as they arrive
	mu     sync.Mutex
	counts map[string]int
}

func newImageServer(t *testing.T) *imageServer {
	s := &imageServer{slow: make(chan struct{}), asked: make(chan string, 100), counts: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.counts[r.URL.Path]++
		s.mu.Unlock()
		switch {
		case strings.HasPrefix(r.URL.Path, "/missing"):
			http.NotFound(w, r)
			return
		case strings.HasPrefix(r.URL.Path, "/slow"):
			s.asked <- r.URL.Path
			select {
			case <-s.slow:
			case <-r.Context().Done():
				return
			}
		}
		w.Header().Set("ETag", `"`+r.URL.Path+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("image "+r.URL.Path))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *imageServer) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[path]
}

// world is an inventory and image server shared by conductors.
type world struct {
	t      *testing.T
	store  *inventory.Store
	rings  *rings
	images *imageServer
	url    string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, rings: &rings{active: []string{"one"}, owner: map[string]string{}}, images: newImageServer(t),
		url: "sqlite:///" + filepath.Join(t.TempDir(), "usher.sqlite")}
	w.store = w.openStore()
	if err := w.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) openStore() *inventory.Store {
	w.t.Helper()
	store, err := inventory.OpenStore(w.t.Context(), inventory.Options{URL: w.url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { store.Close() })
	return store
}

// host is one conductor with its image store.
type host struct {
	*conductor.Conductor
	w        *world
	name     string
	root     string // of the image store
	images   *images.Store
	renderer *bootiface.Renderer
}

var settings = conductor.Settings{HTTPURL: "http://one:6386", AgentAPI: "http://one:6386",
	KernelAppendParams: "nofb configured", RingInterval: time.Second, CheckInterval: time.Hour}

// conductor starts a conductor with a new image store, or with the one in root.
func (w *world) conductor(name, root string, change ...func(*conductor.Options)) *host {
	w.t.Helper()
	if root == "" {
		root = w.t.TempDir()
	}
	store, err := images.New(images.Options{Root: root, Attempts: 1, RetryPause: time.Millisecond})
	if err != nil {
		w.t.Fatal(err)
	}
	renderer, err := bootiface.NewRenderer("")
	if err != nil {
		w.t.Fatal(err)
	}
	s := settings
	s.HTTPURL = "http://" + name + ":6386"
	o := conductor.Options{Host: name, Store: w.store, Rings: w.rings, Renderer: renderer,
		Images: nodeImages{store}, Settings: s, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&o)
	}
	h := &host{Conductor: conductor.New(o), w: w, name: name, root: root, images: store, renderer: renderer}
	id, err := w.store.RegisterConductor(w.t.Context(), usher.Conductor{Hostname: name})
	if err != nil {
		w.t.Fatal(err)
	}
	h.Registered(id)
	w.t.Cleanup(func() {
		h.stopNow()
		store.Close()
	})
	return h
}

// stopNow stops without patience.
func (h *host) stopNow() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.Stop(ctx)
}

const aMAC = "52:54:00:12:34:01"

// node makes a node with a port at aMAC, in a state.
func (w *world) node(state usher.State, change ...func(*usher.Node)) *usher.Node {
	w.t.Helper()
	n := &usher.Node{UUID: "11111111-2222-4333-8444-555555555501", Name: "n1", Driver: "manual-management",
		ProvisionState: state, BootInterface: "ipxe", DeployInterface: "direct",
		DriverInfo: map[string]any{"deploy_kernel": w.images.URL + "/k", "deploy_ramdisk": w.images.URL + "/r",
			"rescue_kernel": w.images.URL + "/rk", "rescue_ramdisk": w.images.URL + "/rr"}}
	for _, f := range change {
		f(n)
	}
	if err := w.store.CreateNode(w.t.Context(), n); err != nil {
		w.t.Fatal(err)
	}
	mac, _ := usher.ParseMAC(aMAC)
	mac[4], mac[5] = n.UUID[34], n.UUID[35]
	if err := w.store.CreatePort(w.t.Context(), &usher.Port{UUID: "aaaaaaaa" + n.UUID[8:], NodeID: n.ID, NodeUUID: n.UUID, Address: mac, PXEEnabled: true}); err != nil {
		w.t.Fatal(err)
	}
	return w.get(n.UUID)
}

func (w *world) get(uuid string) *usher.Node {
	w.t.Helper()
	n, err := w.store.Node(w.t.Context(), uuid)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// change edits a node's row as an operator would.
func (w *world) change(uuid string, change func(*usher.Node)) *usher.Node {
	w.t.Helper()
	n, err := w.store.UpdateNode(w.t.Context(), uuid, "", func(n *usher.Node) error { change(n); return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// await looks until ok, and fails with the node as last seen.
func (w *world) await(uuid, what string, ok func(*usher.Node) bool) *usher.Node {
	w.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		n := w.get(uuid)
		if ok(n) {
			return n
		}
		select {
		case <-deadline:
			w.t.Fatalf("waiting for %s: node is %q, reserved by %q, last error %q", what, n.ProvisionState, n.Reservation, n.LastError)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// settled waits until nobody works on the node, which must then be in state.
func (w *world) settled(uuid string, state usher.State) *usher.Node {
	w.t.Helper()
	n := w.await(uuid, "its lock to be released", func(n *usher.Node) bool {
		return n.Reservation == "" && !n.ProvisionState.Transient()
	})
	if n.ProvisionState != state {
		w.t.Fatalf("node is %q (%s), want %q", n.ProvisionState, n.LastError, state)
	}
	return n
}

func action(verb string) usher.ProvisionAction {
	event, _ := usher.VerbEvent(verb)
	return usher.ProvisionAction{Event: event, Verb: verb}
}

// do asks for a verb and waits for the state that it must end in.
func (h *host) do(uuid, verb string, want usher.State) *usher.Node {
	h.w.t.Helper()
	if err := h.ProvisionAction(h.w.t.Context(), uuid, action(verb)); err != nil {
		h.w.t.Fatalf("%s: %v", verb, err)
	}
	return h.w.settled(uuid, want)
}

func (h *host) beat(uuid string, want usher.State) *usher.Node {
	h.w.t.Helper()
	token, _ := h.w.get(uuid).DriverInternalInfo["agent_secret_token"].(string)
	if token == "" { // as a lookup gives it out
		token = "token of " + uuid
		h.w.change(uuid, func(n *usher.Node) { n.DriverInternalInfo = map[string]any{"agent_secret_token": token} })
	}
	if err := h.Heartbeat(h.w.t.Context(), uuid, usher.Heartbeat{CallbackURL: "http://10.0.0.9:9999", AgentToken: token}); err != nil {
		h.w.t.Fatalf("heartbeat: %v", err)
	}
	return h.w.settled(uuid, want)
}

// file is the boot file that is prepared for the node's present row, empty
// where there is none.
func (h *host) file(uuid string) string {
	h.w.t.Helper()
	n, err := h.w.store.Node(h.w.t.Context(), uuid)
	if errors.Is(err, usher.ErrNotFound) {
		return ""
	}
	if err != nil {
		h.w.t.Fatal(err)
	}
	return h.Prepared(n)
}
