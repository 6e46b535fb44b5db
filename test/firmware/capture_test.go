package firmware

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/test/netboot"
)

// capture listens to the segment, as tcpdump would, and notes what each
// machine asks of servers and how much it is sent. It disturbs nothing.
type capture struct {
	dir string // of the lab's files
	mu  sync.Mutex
	by  map[usher.MAC]*traffic
}

// traffic is what one NIC asked and got.
type traffic struct {
	asked       []asked
	seen        map[string]bool
	tftp, http  int // bytes of payload sent to it
	first, last time.Time
}

// asked is one request, by TFTP or HTTP.
type asked struct {
	server netip.Addr
	what   string // "TFTP snponly.efi", "GET /boot.ipxe"
	at     time.Time
}

// lines lists the requests with the servers and times.
func (t traffic) lines() []string {
	var lines []string
	for _, a := range t.asked {
		lines = append(lines, fmt.Sprintf("%6.1f s  %s  %s", a.at.Sub(t.first).Seconds(), a.server, a.what))
	}
	return lines
}

// requests lists what was asked of HTTP servers.
func (t traffic) requests() []string {
	var requests []string
	for _, a := range t.asked {
		if !strings.HasPrefix(a.what, "TFTP ") {
			requests = append(requests, a.what)
		}
	}
	return requests
}

// from lists the servers that were asked for a path that ends so.
func (t traffic) from(suffix string) []string {
	var servers []string
	for _, a := range t.asked {
		if strings.HasSuffix(a.what, suffix) {
			servers = append(servers, a.server.String())
		}
	}
	return servers
}

// of is a NIC's traffic so far.
func (c *capture) of(mac usher.MAC) traffic {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.by[mac]; t != nil {
		copied := *t
		copied.asked = append([]asked(nil), t.asked...)
		return copied
	}
	return traffic{}
}

// startCapture listens until the test ends.
func (l *lab) startCapture() *capture {
	l.t.Helper()
	c := &capture{by: map[usher.MAC]*traffic{}, dir: l.dir}
	var fd int
	err := l.Do(func() (err error) {
		const all = 0x0300 // ETH_P_ALL in network order
		if fd, err = syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, all); err != nil {
			return err
		}
		bridge, err := net.InterfaceByName(netboot.Bridge)
		if err != nil {
			return err
		}
		// So long that a burst of a kernel's packets fits.
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, 64<<20)
		return syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: bridge.Index})
	})
	if err != nil {
		l.t.Fatalf("listen to the segment: %v", err)
	}
	// To look up now and then whether the test has ended.
	timeout := syscall.NsecToTimeval((100 * time.Millisecond).Nanoseconds())
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout); err != nil {
		l.t.Fatal(err)
	}
	ended := make(chan struct{})
	var listening sync.WaitGroup
	listening.Go(func() {
		frame := make([]byte, 2048) // longer ones are cut; IP tells their length
		for {
			n, _, err := syscall.Recvfrom(fd, frame, 0)
			if err == nil {
				c.frame(frame[:min(n, len(frame))])
				continue
			}
			select {
			case <-ended:
				return
			default:
			}
		}
	})
	l.t.Cleanup(func() {
		close(ended)
		listening.Wait()
		_ = syscall.Close(fd)
	})
	return c
}

// frame notes one Ethernet frame, which may be cut short.
func (c *capture) frame(b []byte) {
	if len(b) < 14+40 {
		return
	}
	from, to := usher.MAC(b[6:12]), usher.MAC(b[:6])
	var protocol byte
	var server netip.Addr // where it is going
	rest := b[14:]
	total := 0 // bytes behind the IP header
	switch binary.BigEndian.Uint16(b[12:]) {
	case 0x0800:
		header := int(rest[0]&15) * 4
		protocol = rest[9]
		server, _ = netip.AddrFromSlice(rest[16:20])
		total = int(binary.BigEndian.Uint16(rest[2:])) - header
		rest = rest[header:]
	case 0x86dd:
		protocol = rest[6]
		server, _ = netip.AddrFromSlice(rest[24:40])
		total = int(binary.BigEndian.Uint16(rest[4:]))
		rest = rest[40:]
	default:
		return
	}
	if len(rest) < 8 {
		return
	}
	source, target := binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
	c.mu.Lock()
	defer c.mu.Unlock()
	switch protocol {
	case syscall.IPPROTO_UDP:
		payload := rest[8:]
		switch {
		case target == 69 && len(payload) > 2 && payload[1] == 1: // a TFTP request
			name, _, _ := bytes.Cut(payload[2:], []byte{0})
			c.ask(from, server, "TFTP "+string(name), fmt.Sprint(source))
		case source != 67 && source != 53 && len(payload) > 4 && payload[0] == 0 && payload[1] == 3: // TFTP's data
			c.sent(to).tftp += total - 8 - 4
		}
	case syscall.IPPROTO_TCP:
		header := int(rest[12]>>4) * 4
		if header > len(rest) || total <= header {
			return
		}
		payload := rest[header:]
		switch {
		case isHTTP(target):
			line, _, _ := bytes.Cut(payload, []byte(" HTTP/1."))
			if bytes.HasPrefix(line, []byte("GET ")) || bytes.HasPrefix(line, []byte("HEAD ")) {
				c.ask(from, server, c.named(string(line)), fmt.Sprint(source, binary.BigEndian.Uint32(rest[4:])))
			}
		case isHTTP(source):
			c.sent(to).http += total - header
		}
	}
}

// named puts the name of the test's file into the path of an image, where the
// hash of its content stands.
func (c *capture) named(request string) string {
	_, rest, _ := strings.Cut(request, "/images/")
	digest, _, ok := strings.Cut(rest, "/")
	if !ok {
		return request
	}
	for _, name := range []string{"vmlinuz", "ramdisk"} {
		content, err := os.ReadFile(filepath.Join(c.dir, name))
		if sum := sha256.Sum256(content); err == nil && hex.EncodeToString(sum[:]) == digest {
			return strings.Replace(request, digest, name, 1)
		}
	}
	return request
}

func isHTTP(port uint16) bool {
	return port == 6386 || port == 6389 || port == 8080 || port == 80 || port == 443
}

// ask notes a request. One that the network's protocol sends again has the
// same place in it: the port, and for TCP the sequence number.
func (c *capture) ask(mac usher.MAC, server netip.Addr, what, place string) {
	t := c.traffic(mac)
	if t.seen[what+place] {
		return
	}
	t.seen[what+place] = true
	if t.first.IsZero() {
		t.first = time.Now()
	}
	t.asked = append(t.asked, asked{server, what, time.Now()})
}

func (c *capture) sent(mac usher.MAC) *traffic {
	t := c.traffic(mac)
	t.last = time.Now()
	return t
}

func (c *capture) traffic(mac usher.MAC) *traffic {
	if c.by[mac] == nil {
		c.by[mac] = &traffic{seen: map[string]bool{}}
	}
	return c.by[mac]
}
