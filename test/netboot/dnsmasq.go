package netboot

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// Dnsmasq runs dnsmasq inside the site with a configuration, the text of a
// dnsmasq.conf, and returns when it is ready. Only what keeps it away from
// the rest of the machine (no daemon, its own lease file, log to its Log) is
// added. Text that dnsmasq rejects fails the test.
func (s *Site) Dnsmasq(config string) *Process {
	s.tb.Helper()
	program := testenv.NeedProgram(s.tb, "dnsmasq")[0]
	dir := s.tb.TempDir()
	conf := filepath.Join(dir, "dnsmasq.conf")
	if err := os.WriteFile(conf, []byte(config), 0o644); err != nil {
		s.tb.Fatal(err)
	}
	p := s.Start("dnsmasq", exec.Command(program,
		"--keep-in-foreground", "--log-facility=-", "--log-dhcp",
		"--user=root", "--group=root", // or it may not read the test's folders
		"--pid-file=", "--dhcp-leasefile="+filepath.Join(dir, "leases"),
		"--conf-file="+conf))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	// All its sockets are open by then.
	if err := p.Log.Wait(ctx, "started, version"); err != nil {
		s.tb.Fatalf("start dnsmasq: %v", err)
	}
	return p
}
