package testenv

import (
	"sync"
	"testing"
)

// shared holds the servers of this test process. It is the only thing here
// that outlives a test; Main ends it.
var shared registry

type registry struct {
	mu      sync.Mutex
	running bool
	servers map[string]*Server
}

// Main runs a package's tests and then ends the servers that they shared:
//
//	func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
func Main(m *testing.M) int {
	shared.mu.Lock()
	shared.running, shared.servers = true, map[string]*Server{}
	shared.mu.Unlock()
	code := m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, s := range shared.servers {
		if err := s.remove(); err != nil {
			println(err.Error())
			code = max(code, 1)
		}
	}
	return code
}

func (r *registry) get(tb testing.TB, name string, build func(*Server) engine) *Server {
	tb.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.running {
		tb.Fatal("the package's TestMain must call testenv.Main, which ends shared servers")
	}
	if s := r.servers[name]; s != nil {
		return s
	}
	s, err := newServer(build)
	if err != nil {
		tb.Fatal(err)
	}
	r.servers[name] = s
	return s
}

// private starts a server that ends with the test.
func private(tb testing.TB, build func(*Server) engine) *Server {
	tb.Helper()
	s, err := newServer(build)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.remove(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
