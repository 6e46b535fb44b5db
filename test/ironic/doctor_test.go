package ironic

import (
	"encoding/json"
	"strings"
)

// doctor: healthy here, and each thing that is broken is named with its fix.
func (s *site) doctor() {
	s.tb.Helper()
	good := s.write("dnsmasq.conf", "dhcp-match=set:ipxe,175\ndhcp-boot=tag:ipxe,http://"+s.door+"/boot.ipxe\n")
	bad := s.write("dnsmasq-old.conf", "dhcp-boot=tag:ipxe,http://192.0.2.1:8080/boot.ipxe\n")
	for _, c := range []struct {
		name    string
		change  func()
		undo    func()
		env     []string
		dnsmasq string
		failed  []string // what each failed check's name begins with; none: healthy
		says    string
	}{
		{name: "well", dnsmasq: good},
		{name: "dnsmasq", dnsmasq: bad, failed: []string{"dnsmasq configuration"}, says: "192.0.2.1"},
		{name: "an agent is down", change: s.agents[2].kill, undo: func() { s.agents[2].start(upMark) },
			failed: []string{"agent of " + s.names[2]}, says: "rpc_listen"},
		{name: "another exponent", env: []string{"OS_DEFAULT__HASH_PARTITION_EXPONENT=6"},
			failed: []string{"hash ring of", "hash ring of", "hash ring of"}, says: "hash_partition_exponent = 5"},
		{name: "another algorithm", env: []string{"OS_DEFAULT__HASH_RING_ALGORITHM=sha256"},
			failed: []string{"hash ring of", "hash ring of", "hash ring of"}, says: "hash_ring_algorithm = md5"},
		{name: "the account is wrong", env: []string{"OS_DATABASE__CONNECTION=" +
			strings.Replace(s.sidecarURL(), "CHANGE-ME", "wrong", 1)}, failed: []string{"database"}},
	} {
		if c.change != nil {
			c.change()
		}
		args := append([]string{"doctor", "--json"}, s.mine[0]...)
		if c.dnsmasq != "" {
			args = append(args, "--dnsmasq", c.dnsmasq)
		}
		out, code := s.runs(c.env, args...)
		if c.undo != nil {
			c.undo()
		}
		var report struct {
			Healthy bool
			Checks  []struct{ Name, State, Detail, Fix string }
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil {
			s.tb.Fatalf("doctor, %s: %v\n%s", c.name, err, out)
		}
		var failed []string
		for _, check := range report.Checks {
			if check.State == "failed" {
				failed = append(failed, check.Name)
				if check.Fix == "" {
					s.tb.Errorf("doctor, %s: no fix for %s", c.name, check.Name)
				}
			}
		}
		ok := len(failed) == len(c.failed)
		for i := range c.failed {
			ok = ok && strings.HasPrefix(failed[i], c.failed[i])
		}
		if healthy := len(c.failed) == 0; !ok || report.Healthy != healthy || (code == 0) != healthy || !strings.Contains(out, c.says) {
			s.tb.Errorf("doctor, %s: exit code %d, want %q to fail:\n%s", c.name, code, c.failed, out)
		}
	}
}
