package bench

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bootFile is what the references serve: as long as Ironic's.
var bootFile = "#!ipxe\n" + strings.Repeat("# "+strings.Repeat("x", 60)+"\n", 19)

// mac is the spelling that wrk asks for.
func mac(n int) string { return fmt.Sprintf("02-00-00-00-%02x-%02x", n/256, n%256) }

// startNginx serves static files in Ironic's layout: two workers, no log.
func startNginx(b *testing.B) *subject {
	b.Helper()
	dir := b.TempDir()
	for n := range waiting {
		folder := filepath.Join(dir, "v1/boot", mac(n))
		node := filepath.Join(dir, "nodes", mac(n))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.MkdirAll(node, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(node, "config"), []byte(bootFile), 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(node, "config"), filepath.Join(folder, "boot.ipxe")); err != nil {
			b.Fatal(err)
		}
	}
	p := port(b)
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`user root; daemon off; worker_processes 2; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; server { listen 127.0.0.1:%[2]s; root %[1]s; } }
`, dir, p)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	s := &subject{name: "nginx", address: "127.0.0.1:" + p, pids: []int{start(b, "nginx", "-c", conf)}}
	answers(b, "http://"+s.address+"/v1/boot/"+mac(0)+"/boot.ipxe")
	return s
}

// startBare is net/http answering from a map, in a process of its own.
func startBare(b *testing.B, _ int) *subject {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := port(b)
	s := &subject{name: "net/http", address: "127.0.0.1:" + p,
		pids: []int{start(b, self, "-test.run=^TestBareServer$", "-bare", "127.0.0.1:"+p)}}
	answers(b, "http://"+s.address+"/v1/boot/"+mac(0)+"/boot.ipxe")
	return s
}

// serveBare is the reference's whole program.
func serveBare(address string) error {
	files := map[string][]byte{}
	for n := range waiting {
		files["/v1/boot/"+mac(n)+"/boot.ipxe"] = []byte(bootFile)
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
