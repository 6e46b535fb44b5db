package firmware

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/test/netboot"
)

// answers is a server that answers in ways that firmware may not understand,
// and notes who asked for what. Paths are /<way>/<file>.
type answers struct {
	files http.Handler // what /ok/<file> has, and what does not begin with a way
	https string       // URL of a server with a certificate that nobody knows
	mu    sync.Mutex
	asked map[string]int // "GET /404/x"
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked[r.Method+" "+r.URL.Path]++
	nth := a.asked[r.Method+" "+r.URL.Path]
	a.mu.Unlock()
	way, file, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	r.URL.Path = "/" + file
	fail := func(code int) {
		w.Header().Set("Cache-Control", "no-store") // GRUB stalls where Content-Length comes first
		http.Error(w, "set made=executed", code)
	}
	switch way {
	case "ok":
		a.files.ServeHTTP(w, r)
	case "404":
		fail(http.StatusNotFound)
	case "503":
		fail(http.StatusServiceUnavailable)
	case "retry":
		if nth == 1 {
			w.Header().Set("Retry-After", "1")
			fail(http.StatusServiceUnavailable)
			return
		}
		a.files.ServeHTTP(w, r)
	case "302", "307":
		code := map[string]int{"302": http.StatusFound, "307": http.StatusTemporaryRedirect}[way]
		http.Redirect(w, r, "/ok/"+file, code)
	case "https":
		http.Redirect(w, r, a.https+"/ok/"+file, http.StatusFound)
	case "chunked":
		body := httptest.NewRecorder()
		a.files.ServeHTTP(body, r)
		chunked(w, body.Body.Bytes())
	default:
		r.URL.Path = "/" + strings.TrimSuffix(way+"/"+file, "/")
		a.files.ServeHTTP(w, r)
	}
}

// count is how often a request came.
func (a *answers) count(request string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked[request]
}

// chunked answers without a length, in one piece: on a busy machine GRUB loses
// a body whose head or end came alone.
func chunked(w http.ResponseWriter, body []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	answer := "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
	if len(body) > 0 { // not to a HEAD
		answer += fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	_, _ = io.WriteString(conn, answer) // who hung up fails its test
}

// httpBoots are the machines that try UEFI HTTP boot, by the way of the answer.
var httpBoots = []struct {
	way       string
	mac       usher.MAC
	head, get int
	says      string
}{
	{"404", mac(0x51), 1, 1, "failed to load Boot0001"},
	{"503", mac(0x52), 1, 1, "failed to load Boot0001"},
	{"302", mac(0x53), 1, 1, "failed to load Boot0001"},
	{"https", mac(0x54), 0, 0, "failed to load Boot0001"},
	{"chunked", mac(0x55), 1, 1, "IPXE-FROM"},
}

// wantIPXE is what iPXE makes of each way.
var wantIPXE = []expect{
	{"ok", "taken", 3 /* two by redirect */}, {"404", "refused", 1}, {"503", "refused", 1}, {"retry", "taken", 2},
	{"302", "taken", 1}, {"307", "taken", 1}, {"chunked", "taken", 1}, {"https", "refused", 1},
}

// scriptIPXE tries them all under BIOS, and under UEFI only says that it came.
func scriptIPXE() string {
	script := "#!ipxe\niseq ${platform} efi && goto efi ||\n"
	for _, e := range wantIPXE {
		script += fmt.Sprintf("imgfetch --timeout 60000 /%s/file && echo ANSWER %[1]s taken || echo ANSWER %[1]s refused\nimgfree\n", e.way)
	}
	return script + "echo ANSWERS-DONE\nsleep 60\n:efi\necho IPXE-FROM ${net0/mac}\nsleep 60\n"
}

// TestAnswers proves the table of docs/firmware.md: what each firmware makes
// of answers other than a plain 200.
func TestAnswers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.configure("10.77.0.1", nil)
	a := &answers{files: http.FileServer(http.Dir(s.httpDir)), asked: map[string]int{}}
	l.Serve("10.77.0.1:6386", a)
	secret := httptest.NewUnstartedServer(a)
	listener, err := l.Listen("tcp", "10.77.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	secret.Listener.Close()
	secret.Listener = listener
	secret.StartTLS()
	t.Cleanup(secret.Close)
	a.https = "https://10.77.0.1"

	s.usher(t, "loaders")
	conf := s.usher(t, append([]string{"dnsmasq", "--interface", netboot.Bridge, "--uefi", "grub"}, dhcp4...)...)
	for _, nic := range httpBoots {
		base := "http://10.77.0.1:6386/" + nic.way
		if nic.way == "https" {
			base = a.https + "/ok"
		}
		conf += fmt.Sprintf("dhcp-host=%s,set:try%s\ndhcp-boot=tag:try%[2]s,tag:!ipxe,%s/snponly.efi\n", nic.mac, nic.way, base)
	}
	l.Dnsmasq(conf)

	install(t, s.httpDir, "boot.ipxe", scriptIPXE())
	install(t, s.httpDir, "file", "data\n")

	t.Run("iPXE", func(t *testing.T) { t.Parallel(); l.answersIPXE(t, a) })
	t.Run("GRUB", func(t *testing.T) { t.Parallel(); l.answersGRUB(t, a, s.httpDir) })
	t.Run("UEFI HTTP boot", func(t *testing.T) { t.Parallel(); l.answersUEFI(t, a) })
}

// expect is what a firmware should make of one way to answer.
type expect struct {
	way   string
	says  string // on the serial line
	asked int    // how often it asks
}

// judge reads a finished machine's serial line.
func judge(t *testing.T, m machine, a *answers, file string, want []expect) {
	t.Helper()
	log := m.Log.String()
	for _, e := range want {
		if !strings.Contains(log, "ANSWER "+e.way+" "+e.says) {
			t.Errorf("%s: the serial line lacks %q", e.way, "ANSWER "+e.way+" "+e.says)
		}
		if got := a.count("GET /" + e.way + "/" + file); got != e.asked {
			t.Errorf("%s: asked %d times, want %d", e.way, got, e.asked)
		}
		t.Logf("%s: %s, asked %d times", e.way, e.says, e.asked)
	}
}

func (l *lab) answersIPXE(t *testing.T, a *answers) {
	m := l.on(t, netboot.VMConfig{Firmware: netboot.BIOS, NICs: []usher.MAC{mac(0x50)}})
	m.says(t, "ANSWERS-DONE")
	judge(t, m, a, "file", wantIPXE)
	m.release()
}

func (l *lab) answersGRUB(t *testing.T, a *answers, dir string) {
	want := []expect{
		{"ok", "taken", 1}, {"chunked", "taken", 1}, {"404", "executed", 1}, {"503", "executed", 1},
		{"retry", "executed", 1}, {"302", "ignored", 1}, {"https", "ignored", 0},
	}
	config := "insmod http\n"
	for _, e := range want {
		device := "(http,10.77.0.1:6386)/" + e.way
		if e.way == "https" {
			device = "(https,10.77.0.1)/ok"
		}
		config += fmt.Sprintf("set made=ignored\nsource %s/answer.cfg\necho ANSWER %s $made\n", device, e.way)
	}
	install(t, filepath.Join(filepath.Dir(dir), "tftpboot", "grub"), "grub.cfg", config+"echo ANSWERS-DONE\nsleep 60\n")
	install(t, dir, "answer.cfg", "set made=taken\n")
	m := l.on(t, netboot.VMConfig{Firmware: netboot.UEFI, NICs: []usher.MAC{mac(0x58)}})
	m.says(t, "ANSWERS-DONE")
	judge(t, m, a, "answer.cfg", want)
	m.release()
}

// answersUEFI gives each machine another answer to its HTTP boot.
func (l *lab) answersUEFI(t *testing.T, a *answers) {
	for _, boot := range httpBoots {
		m := l.on(t, netboot.VMConfig{Firmware: netboot.UEFIHTTP, NICs: []usher.MAC{boot.mac}})
		m.says(t, boot.says)
		m.release()
		head, get := a.count("HEAD /"+boot.way+"/snponly.efi"), a.count("GET /"+boot.way+"/snponly.efi")
		if head != boot.head || get != boot.get {
			t.Errorf("%s: %d HEAD and %d GET, want %d and %d", boot.way, head, get, boot.head, boot.get)
		}
		for line := range strings.SplitSeq(m.Log.String(), "\n") {
			if strings.Contains(line, "rror") {
				t.Logf("%s: %s", boot.way, strings.TrimSpace(line))
			}
		}
		t.Logf("%s: %d HEAD, %d GET, %s", boot.way, head, get, boot.says)
	}
	if a.count("GET /ok/snponly.efi")+a.count("HEAD /ok/snponly.efi") != 0 {
		t.Error("a redirect or HTTPS was followed")
	}
}

func install(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
