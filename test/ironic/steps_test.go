package ironic

import (
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// rootScript: what 'usher root-script' printed has passed Ironic's Jinja2
// unchanged, on every conductor.
func (s *site) rootScript() {
	s.tb.Helper()
	want, err := os.ReadFile(filepath.Join(s.dir, "boot.ipxe"))
	if err != nil {
		s.tb.Fatal(err)
	}
	for i := range s.hosts {
		got, err := os.ReadFile(filepath.Join(s.folder(i), "http/boot.ipxe"))
		// Jinja2 takes the newline at the end away.
		if err != nil || strings.TrimSuffix(string(want), "\n") != string(got) {
			s.tb.Errorf("boot.ipxe of %s: %v\n%s", s.hosts[i], err, cmp.Diff(string(want), string(got)))
		}
	}
}

// activeRamdisk: a node that boots its ramdisk for good needs
// restrict_boot_config = false.
func (s *site) activeRamdisk(nodes []*node) {
	s.tb.Helper()
	for _, n := range nodes {
		if n.state != "active" {
			continue
		}
		if d := s.open.askNode(n); d.status != http.StatusOK || !s.is(d.body, s.owner(n), n) {
			s.tb.Errorf("active ramdisk node, unrestricted: %+v", d)
		}
		if d := s.usher.askNode(n); d.status != http.StatusNotFound {
			s.tb.Errorf("active ramdisk node, restricted: %+v", d)
		}
	}
}

// forPXELINUX: what Ironic writes for a BIOS machine of boot interface pxe is no
// grub.cfg, and is never served as one.
func (s *site) forPXELINUX() {
	s.tb.Helper()
	n := &node{name: "bios", uuid: s.uuidOf("", s.names[2]), boot: "pxe", deploy: "custom-agent", bios: true, goal: (*node).deployWait}
	s.enroll([]*node{n})
	if d := s.usher.askNode(n); d.status != http.StatusServiceUnavailable || d.retryAfter == "" || d.Cause != "bad_boot_file" ||
		!strings.Contains(d.Error, "PXELINUX") {
		s.tb.Errorf("a file for PXELINUX: %+v", d)
	}
	s.explained("a file for PXELINUX", n)
	n.verb("available", map[string]any{"target": "deleted"})
}

// states are Ironic's of 21.4 and of later releases.
var states = []usher.State{usher.Enroll, usher.Verifying, usher.Manageable, usher.Available, usher.Deploying, usher.DeployWait,
	usher.DeployFailed, usher.Active, usher.Deleting, usher.ErrorState, usher.Cleaning, usher.CleanWait, usher.CleanFailed,
	usher.Inspecting, usher.InspectWait, usher.InspectFailed, usher.Adopting, usher.AdoptFailed, usher.Rescuing, usher.RescueWait,
	usher.RescueFailed, usher.Rescue, usher.Unrescuing, usher.UnrescueFailed, usher.Servicing, usher.ServiceWait, usher.ServiceFailed}

// everyState: a node whose file is there is answered in no state but those
// that wait. inspect wait is without a file here.
func (s *site) everyState(nodes []*node) {
	s.tb.Helper()
	n := nodes[0]
	for _, state := range states {
		s.server.Admin(s.tb, s.database, "UPDATE nodes SET provision_state = '"+string(state)+"' WHERE uuid = '"+n.uuid+"'")
		want := http.StatusNotFound
		if state.Waiting() {
			want = http.StatusOK
		}
		if d := s.usher.askNode(n); d.status != want {
			s.tb.Errorf("state %q: %+v", state, d)
		}
	}
	s.server.Admin(s.tb, s.database, "UPDATE nodes SET provision_state = '"+n.state+"' WHERE uuid = '"+n.uuid+"'")

	manageable := find(nodes, func(n *node) bool { return n.state == "manageable" })
	s.server.Admin(s.tb, s.database, "UPDATE nodes SET provision_state = 'inspect wait' WHERE uuid = '"+manageable.uuid+"'")
	if d := s.usher.askNode(manageable); d.status != http.StatusNotFound || d.Cause != "no_file" {
		s.tb.Errorf("inspect wait without a file: %+v", d)
	}
	s.server.Admin(s.tb, s.database, "UPDATE nodes SET provision_state = 'manageable' WHERE uuid = '"+manageable.uuid+"'")
}

func find(nodes []*node, is func(*node) bool) *node {
	for _, n := range nodes {
		if is(n) {
			return n
		}
	}
	return nil
}

// untouched: with Ironic halted, nothing in its database or on its disks
// differs after Usher has answered for every node.
func (s *site) untouched(nodes []*node) {
	s.tb.Helper()
	running := append([]*process{s.api}, s.ironic[:]...)
	for _, p := range running {
		p.signal(syscall.SIGSTOP)
	}
	database, disks := s.dump(), s.disks()
	for _, n := range nodes {
		for _, mac := range n.macs {
			s.usher.ask(mac, n.file())
			s.open.ask(mac, n.file())
		}
		s.explain(n.macs[0], n.file())
	}
	if diff := cmp.Diff(database, s.dump()); diff != "" || len(database) < 1000 {
		s.tb.Errorf("the database of %d bytes differs:\n%s", len(database), diff)
	}
	if diff := cmp.Diff(disks, s.disks()); diff != "" || len(disks) < 20 {
		s.tb.Errorf("the disks with %d files differ:\n%s", len(disks), diff)
	}
	for _, p := range running {
		p.signal(syscall.SIGCONT)
	}
	testenv.Until(s.tb, patience, "Ironic goes on", func() bool { return len(s.alive()) == conductors })
	s.sameOwners("after a halt", nodes, nobody)
}

// dump is all that the database holds.
func (s *site) dump() string {
	s.tb.Helper()
	out, err := exec.CommandContext(s.tb.Context(), testenv.NeedProgram(s.tb, "mariadb-dump")[0], "--no-defaults",
		"--socket="+filepath.Join(s.server.Dir, "socket"), "--user=root", "--skip-comments", "--order-by-primary", s.database).Output()
	if err != nil {
		s.tb.Fatalf("mariadb-dump: %v", err)
	}
	return string(out)
}

// disks is every file of every conductor.
func (s *site) disks() map[string]string {
	s.tb.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		entry := info.Mode().String() + " " + info.ModTime().Format(time.RFC3339Nano)
		if d.Type().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			entry += " " + string(content)
		}
		found[path] = entry
		return nil
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	return found
}

// owned is a node of this conductor in a state.
func (s *site) owned(nodes []*node, name, state, boot string) *node {
	s.tb.Helper()
	n := find(nodes, func(n *node) bool { return n.state == state && n.boot == boot && s.owner(n) == name })
	if n == nil {
		s.tb.Fatalf("%s owns no %s node that is %s", name, boot, state)
	}
	return n
}

// agentDown: an agent that cannot be reached is "not now", and only for its
// own nodes.
func (s *site) agentDown(nodes []*node) {
	s.tb.Helper()
	dead, other := s.owned(nodes, s.names[1], "wait call-back", "ipxe"), s.owned(nodes, s.names[2], "wait call-back", "ipxe")
	s.agents[1].kill()
	if d := s.usher.askNode(dead); d.status != http.StatusServiceUnavailable || d.retryAfter == "" || d.Cause != "conductor_unreachable" {
		s.tb.Errorf("agent killed: %+v", d)
	}
	if d := s.usher.askNode(other); d.status != http.StatusOK {
		s.tb.Errorf("another conductor's node meanwhile: %+v", d)
	}
	s.explained("an agent is killed", dead, other)
	s.agents[1].start(upMark)
	testenv.Until(s.tb, patience, "the agent is back", func() bool { return s.usher.askNode(dead).status == http.StatusOK })
}
