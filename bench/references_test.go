package bench

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// newNginx serves static files in Ironic's layout: two workers, no log.
func newNginx(b *testing.B, f fleet) *subject {
	b.Helper()
	dir, p := b.TempDir(), testenv.FreePort(b, "127.0.0.1")
	f.write(b, dir)
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`user root; daemon off; worker_processes 2; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; server { listen 127.0.0.1:%[2]s; root %[1]s; } }
`, dir, p)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	nginx := testenv.NeedProgram(b, "nginx")[0]
	return &subject{name: "nginx", fleet: f, address: "127.0.0.1:" + p, path: "/pxelinux.cfg/%s",
		processes: []*process{{part: "nginx", args: []string{nginx, "-c", conf}}}}
}

const bootPath = "/v1/boot/%s/boot.ipxe"

// newBare is net/http answering from memory, in a process of its own.
func newBare(b *testing.B, f fleet) *subject {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	address := "127.0.0.1:" + testenv.FreePort(b, "127.0.0.1")
	return &subject{fleet: f, address: address, path: bootPath,
		processes: []*process{{part: "net-http", args: []string{self, "-bare", address, "-nodes", fmt.Sprint(f.nodes)}}}}
}

// serveBare is the reference's whole program.
func serveBare(address string, f fleet) error {
	files := map[string][]byte{}
	for n := 0; n < f.nodes; n += f.step {
		files[fmt.Sprintf(bootPath, mac(n))] = []byte(bootFile(n))
	}
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(file)
	}))
}
