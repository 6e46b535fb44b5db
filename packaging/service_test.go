package main

import (
	"strings"
	"testing"
)

// TestDebianPackage lives through a package's life on a Debian with systemd:
// install, start, answer, reload, hang, upgrade, remove, purge.
func TestDebianPackage(t *testing.T) {
	need(t, "dpkg-deb")
	first, second := debFile(t, "1.0.0"), debFile(t, "1.0.1")
	g := boot(t)
	g.copy(first, "/root/first.deb")
	g.copy(second, "/root/second.deb")

	installed(g)
	started(g)
	answers(g)
	hardened(g)
	reloads(g)
	watched(g)
	roles(g)
	asked(g)
	handedOver(g)
	upgraded(g)
	removed(g)
	purged(g)
}

// installed: the account, the folders, the pages; and nothing runs unasked.
func installed(g *guest) {
	g.t.Helper()
	g.do("dpkg -i /root/first.deb")
	g.expect("usher version", "usher 1.0.0", 0)
	g.expect("getent passwd usher", ":/var/lib/usher:/usr/sbin/nologin", 0)
	g.expect("stat -c '%a %U:%G' /etc/usher/usher.conf", "640 root:usher", 0)
	g.expect("stat -c '%a %U:%G' /var/lib/usher", "755 usher:usher", 0)
	g.expect("dpkg-query -W -f '${Conffiles}' usher | cut -d' ' -f2 | xargs", "/etc/default/usher /etc/usher/usher.conf", 0)
	g.expect("dpkg -V usher | grep -v ' c '", "", 1) // every file is as packed
	for _, unit := range []string{"usher", "usher-api", "usher-conductor"} {
		g.expect("systemctl is-enabled "+unit, "disabled", 1)
		g.expect("systemctl is-active "+unit, "inactive", 3)
		g.expect("systemctl is-enabled "+unit+".socket", "disabled", 1)
	}
	g.expect("man -w 1 usher-node-add", "usher-node-add.1.gz", 0)
	g.expect("man 5 usher.conf", "hash_ring_algorithm", 0)
	g.expect("bash -c '. /usr/share/bash-completion/completions/usher; complete -p usher'", "_usher", 0)
}

// started: systemd counts the service as started once it answers.
func started(g *guest) {
	g.t.Helper()
	g.do("systemctl start usher")
	g.expect("curl -sS http://127.0.0.1:6387/readyz", "ready", 0)
	if status := g.show("usher", "StatusText"); !strings.HasPrefix(status, "serve, doors: ") || !strings.Contains(status, "; conductor ") {
		g.t.Errorf("systemd was told %q", status)
	}
	g.expect("cd /proc/$(systemctl show --value -p MainPID usher) && stat -c %U . && xargs -0 < cmdline", "usher\n/usr/bin/usher serve", 0)
	g.expect("usher config show | grep state_path", "/var/lib/usher", 0)
}

// answers: a machine that is enrolled gets its boot file, and the service's
// cage lets kernels in, over file:// as over HTTP.
func answers(g *guest) {
	g.t.Helper()
	g.write("/var/lib/usher/images/kernel", "kernel")
	g.write("/var/lib/usher/images/ramdisk", "ramdisk")
	g.do("usher node add m1 --mac 52:54:00:00:00:01 --kernel file:///var/lib/usher/images/kernel --ramdisk file:///var/lib/usher/images/ramdisk --param here=m1")
	g.do("usher node deploy m1")
	bootFile(g)
	g.expect("curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:6386/v1/boot/52-54-00-00-00-02/boot.ipxe", "404", 0)
	g.expect("find /var/lib/usher ! -user usher ! -path '*/images*'", "", 0)
}

func bootFile(g *guest) {
	g.t.Helper()
	g.expect("curl -sS http://127.0.0.1:6386/v1/boot/52-54-00-00-00-01/boot.ipxe", "here=m1", 0)
}

// hardened: systemd finds nothing to say about the units, and little that
// they are exposed to (0 to 100; what is not caged has more than 90).
func hardened(g *guest) {
	g.t.Helper()
	for _, unit := range []string{"usher", "usher-api", "usher-conductor"} {
		if out := g.do("systemd-analyze verify " + unit + ".service " + unit + ".socket"); out != "" {
			g.t.Errorf("systemd-analyze verify %s: %s", unit, out)
		}
		g.expect("systemd-analyze security --threshold=15 "+unit+".service", "Overall exposure level", 0)
	}
	if out, err := g.try("journalctl --no-pager -u usher | grep -i -E 'seccomp|SIGSYS|panic|operation not permitted'"); err == nil {
		g.t.Errorf("the cage is too tight: %s", out)
	}
}

// reloads: by SIGHUP, without a restart; and a bad configuration is told.
func reloads(g *guest) {
	g.t.Helper()
	before := g.show("usher", "MainPID")
	g.do("printf '[usher]\\nretry_after = 7\\n' >> /etc/usher/usher.conf && systemctl reload usher")
	eventually(g.t, "the reload is logged", func() bool {
		_, err := g.try("journalctl --no-pager -u usher | grep -F 'option=[usher]retry_after value=7'")
		return err == nil
	})
	g.do("cp -p /etc/usher/usher.conf /root/good.conf; printf 'retry_after = never\\n' >> /etc/usher/usher.conf && systemctl reload usher")
	eventually(g.t, "the failed reload is told", func() bool {
		return strings.Contains(g.show("usher", "StatusText"), "was not reloaded")
	})
	g.do("cp -p /root/good.conf /etc/usher/usher.conf && systemctl reload usher")
	eventually(g.t, "the reload is told", func() bool {
		return !strings.Contains(g.show("usher", "StatusText"), "was not reloaded")
	})
	if after := g.show("usher", "MainPID"); after != before {
		g.t.Errorf("a reload is process %s, before %s", after, before)
	}
	bootFile(g)
}

// watched: a process that hangs is ended and started again, one that lives is
// left alone.
func watched(g *guest) {
	g.t.Helper()
	g.write("/run/systemd/system/usher.service.d/test.conf", "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n")
	g.do("systemctl daemon-reload && systemctl restart usher")
	g.do("systemctl kill --signal=STOP --kill-whom=main usher")
	eventually(g.t, "systemd starts the process again", func() bool {
		return g.show("usher", "NRestarts") == "1" && g.show("usher", "ActiveState") == "active"
	})
	if out := g.do("journalctl --no-pager -u usher | grep -c 'Watchdog timeout'"); out != "1" {
		g.t.Errorf("%s watchdog time-outs, want 1", out)
	}
	bootFile(g)
	pinged := g.show("usher", "WatchdogTimestampMonotonic")
	eventually(g.t, "the new process says that it is alive", func() bool {
		return g.show("usher", "WatchdogTimestampMonotonic") != pinged
	})
	g.do("rm -r /run/systemd/system/usher.service.d && systemctl daemon-reload && systemctl restart usher")
}

// roles: the API alone takes the whole's place, and back.
func roles(g *guest) {
	g.t.Helper()
	g.do("systemctl start usher-api")
	g.expect("systemctl is-active usher", "inactive", 3)
	g.expect("curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:6386/boot.ipxe", "200", 0)
	g.do("systemctl start usher")
	g.expect("systemctl is-active usher-api", "inactive", 3)
	bootFile(g)
}

// asked: what docs/install.md tells to write does what it says there.
func asked(g *guest) {
	g.t.Helper()
	g.write("/etc/usher/more.conf", "[usher]\nretry_after = 9\n")
	g.do("cp -p /etc/default/usher /root/default; sed -i 's,^#\\(USHER_OPTIONS=\\).*,\\1--config-file /etc/usher/usher.conf --config-file /etc/usher/more.conf,' /etc/default/usher")
	g.write("/etc/systemd/system/usher.service.d/port.conf", "[Service]\nPrivateUsers=no\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"+
		"AmbientCapabilities=CAP_NET_BIND_SERVICE\nEnvironment=OS_USHER__BOOT_LISTEN=0.0.0.0:80\nReadWritePaths=/srv\n")
	g.do("systemctl daemon-reload && systemctl restart usher")
	g.expect("xargs -0 < /proc/$(systemctl show --value -p MainPID usher)/cmdline",
		"/usr/bin/usher --config-file /etc/usher/usher.conf --config-file /etc/usher/more.conf serve", 0)
	g.expect("curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1/boot.ipxe", "200", 0)
	g.do("mv /root/default /etc/default/usher; rm -r /etc/usher/more.conf /etc/systemd/system/usher.service.d; systemctl daemon-reload && systemctl restart usher")
	bootFile(g)
}

// handedOver: with the socket unit nobody is refused while the service
// restarts, and who asks meanwhile is answered after it.
func handedOver(g *guest) {
	g.t.Helper()
	g.do("systemctl stop usher && systemctl reset-failed && systemctl enable --now usher.socket && systemctl start usher")
	bootFile(g)
	g.do("(until test -e /root/enough; do curl -sS -m 60 -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:6386/boot.ipxe; done) >/root/asked 2>&1 </dev/null &")
	for range 3 {
		g.do("systemctl restart usher")
		bootFile(g)
	}
	g.do("touch /root/enough")
	if codes := g.do("sort -u /root/asked | xargs"); codes != "200" {
		g.t.Errorf("while the service restarted three times machines got %q", codes)
	}
	g.do("systemctl stop usher")
	g.expect("curl -sS -m 60 -o /dev/null -w '%{http_code}' http://127.0.0.1:6386/boot.ipxe", "200", 0) // the first one starts it
	g.expect("systemctl is-active usher", "active", 0)
	g.do("systemctl start usher-api") // which takes the address
	g.expect("systemctl is-active usher.socket", "inactive", 3)
	g.do("systemctl stop usher-api && systemctl reset-failed && systemctl start usher.socket usher")
	bootFile(g)
}

// upgraded: the new program runs, with the old configuration and inventory.
func upgraded(g *guest) {
	g.t.Helper()
	before := g.show("usher", "MainPID")
	g.do("systemctl enable usher && dpkg -i /root/second.deb")
	g.expect("usher version", "usher 1.0.1", 0)
	g.expect("systemctl is-active usher", "active", 0)
	g.expect("systemctl is-active usher-api", "inactive", 3) // what did not run still does not
	if after := g.show("usher", "MainPID"); after == before {
		g.t.Error("the old process goes on")
	}
	g.expect("tail -n 1 /etc/usher/usher.conf", "retry_after = 7", 0)
	g.expect("stat -c '%a %U:%G' /etc/usher/usher.conf", "640 root:usher", 0)
	bootFile(g)
}

// removed: nothing runs, and a later install finds everything again.
func removed(g *guest) {
	g.t.Helper()
	g.do("dpkg -r usher")
	g.expect("systemctl is-active usher", "inactive", 3)
	g.expect("systemctl is-active usher.socket", "inactive", 3)
	g.expect("test -e /usr/bin/usher", "", 1)
	g.expect("tail -n 1 /etc/usher/usher.conf", "retry_after = 7", 0)
	g.do("dpkg -i /root/second.deb && systemctl start usher")
	bootFile(g)
}

// purged: nothing is left but the account.
func purged(g *guest) {
	g.t.Helper()
	g.do("dpkg -P usher")
	g.expect("find /etc /var /usr /run -xdev -name '*usher*' ! -path '/var/lib/dpkg/*' ! -path '/var/log/*' ! -path '/run/log/*'", "", 0)
	if left := g.do("find /etc /var/lib /usr -xdev -name '*usher*' ! -path '/var/lib/dpkg/*'"); left != "" {
		g.t.Errorf("a purge left %s", left)
	}
	g.expect("getent passwd usher", "nologin", 0)
	g.expect("dpkg-query -W usher", "no packages found", 1)
}
