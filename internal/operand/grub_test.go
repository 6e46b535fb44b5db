package operand

import (
	"cmp"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

type grubCase struct{ name, script, want string } // want empty: as it is

func grubCases() []grubCase {
	return []grubCase{
		{"with a device", "linux (http,h:80)/k a\ninitrd (tftp)/i\nchainloader (hd0)+1\nlinux ($root)/k", ""},
		{"Ironic's", "set default=deploy\nset timeout=5\n\nmenuentry \"deploy\"  {\n    linuxefi u/k selinux=0 root=/dev/ram0\n    initrdefi u/r\n}\n",
			"set default=deploy\nset timeout=5\n\nmenuentry \"deploy\"  {\n    linuxefi (w)u/k selinux=0 root=/dev/ram0\n    initrdefi (w)u/r\n}\n"},
		{"several", "initrd a  b\tc", "initrd (w)a  (w)b\t(w)c"},
		{"archives of files", "initrd a newc:etc/x:b 'newc:y:c d' newc:z", "initrd (w)a newc:etc/x:(w)b \"newc:y:(w)c d\" newc:z"},
		{"all of them", "linux16 a\ninitrd16 b\nmultiboot c\nmodule --nounzip d x\nchainloader --force e\nconfigfile f\nsource g\n. h\ndevicetree i\nloopback -d j k\nxen_module l",
			"linux16 (w)a\ninitrd16 (w)b\nmultiboot (w)c\nmodule --nounzip (w)d x\nchainloader --force (w)e\nconfigfile (w)f\nsource (w)g\n. (w)h\ndevicetree (w)i\nloopback -d j (w)k\nxen_module (w)l"},
		{"a part of a disk", "chainloader +1\nchainloader 0+1,2+3", ""},
		{"a name like that", "chainloader c+1", "chainloader (w)c+1"},
		{"no operand", "linux\ninitrd\nboot; initrd ''", ""},
		{"another command", "echo linux a\ninsmod http\nlinuxx a\nlinux=a b", ""},
		{"comments", "# linux a\nlinux b # linux c\n#\\\nlinux d\necho a#b;#c\n  # e", "# linux a\nlinux (w)b # linux c\n#\\\nlinux (w)d\necho a#b;#c\n  # e"},
		{"ends of commands", "echo;linux a&&linux b||linux c;if linux d; then linux e;else ! linux f; fi",
			"echo;linux (w)a&&linux (w)b||linux (w)c;if linux (w)d; then linux (w)e;else ! linux (w)f; fi"},
		{"loops", "for x in linux a; do linux b; done; while true; do linux c; done\nuntil linux d\ndo\nlinux e\ndone",
			"for x in linux a; do linux (w)b; done; while true; do linux (w)c; done\nuntil linux (w)d\ndo\nlinux (w)e\ndone"},
		{"a function", "function load {\n linux $1\n initrd r\n}\nload a", "function load {\n linux $1\n initrd (w)r\n}\nload a"},
		{"single quotes", "linux 'a b'\"c\\\"d\"e\\ f", `linux "(w)a bc\"de f"`},
		{"a dollar that is one", `linux 'a$b' "x\$y"`, `linux "(w)a\$b" "x\$y"`},
		{"a word that is a command", "lin'ux' a", "lin'ux' (w)a"},
		{"variable first", "linux $base/k\nlinux \"${base}k\"\ninitrd $a$b", ""},
		{"variable later", "linux k/$arch/x\nlinux \"l/$arch/x y\"", "linux (p)k/$arch/x\nlinux (p)l/\"$arch/x y\""},
		{"braces", "linux k${arch}x", "linux (p)k${arch}x"},
		{"variable known", "set base=/images\nlinux $base/k\nlinux \"${base}/$x\"", "set base=/images\nlinux (w)/images/k\nlinux (p)/images/\"$x\""},
		{"variable assigned", "base=u\nlinux $base/k", "base=u\nlinux (w)u/k"},
		{"variable known to have a device", "set base=(http,h)/x\nlinux $base/k", ""},
		{"variable set twice", "set base=a\nset base=b\nlinux $base/k", ""},
		{"variable set perhaps", "if true; then set base=a; fi\nlinux $base/k", ""},
		{"variable set in an entry", "menuentry x { set base=a; }\nlinux $base/k", ""},
		{"variable set by another command", "set base=a\nregexp --set 1:base '(.*)' $x\nlinux $base/k", ""},
		{"variable of another", "set base=$x\nlinux $base/k", ""},
		{"the device is chosen", "linux a\nset root=(hd0,1)\nlinux b", "linux (w)a\nset root=(hd0,1)\nlinux b"},
		{"the device is searched for", "search --no-floppy --set=root --file /x\nchainloader /x", ""},
		{"the device is searched for, in other words", "search --set --label X\nlinux a", ""},
		{"the device is searched for by file", "search.file /x root\nlinux a", ""},
		{"another variable is searched for", "search --file --set=disk /x\nlinux a", "search --file --set=disk /x\nlinux (w)a"},
		{"kernel parameters choose nothing", "linux a user=root root\ninitrd b", "linux (w)a user=root root\ninitrd (w)b"},
		{"each entry chooses for itself", "menuentry a { search --set=root -f /x; linux b; }\nmenuentry c { linux d\n}", "menuentry a { search --set=root -f /x; linux b; }\nmenuentry c { linux (w)d\n}"},
		{"a function chooses for all", "function f { set root=x; }\nf\nlinux a", ""},
		{"continued", "linux \\\n  a \\\n  x=y\nini\\\ntrd b\\\nc", "linux \\\n  (w)a \\\n  x=y\nini\\\ntrd (w)bc"},
		{"carriage returns", "linux a\r\ninitrd \\\r\n b\r\n", "linux (w)a\r\ninitrd \\\r\n (w)b\r\n"},
		{"a quote over lines", "echo 'linux a\nlinux b\n# it's dropped\n'\nlinux c", "echo 'linux a\nlinux b\n# it's dropped\n'\nlinux (w)c"},
		{"translated", `linux $"a b"`, `linux "(w)a b"`},
		{"braces of Ironic's templates", "linuxefi chain.c32 mbr:{{ DISK_IDENTIFIER }}\nlinux a mbr:(( DISK_IDENTIFIER ))", "linuxefi (w)chain.c32 mbr:{{ DISK_IDENTIFIER }}\nlinux (w)a mbr:(( DISK_IDENTIFIER ))"},
		{"a brace too many", "}\nlinux a", "}\nlinux (w)a"},
		{"a dollar that names nothing", "linux a$ $", "linux \"(w)a\\$\" $"},
	}
}

func TestGRUB(t *testing.T) {
	for _, c := range grubCases() {
		t.Run(c.name, func(t *testing.T) {
			want := cmp.Or(c.want, c.script)
			got, err := GRUB(c.script, mark)
			if got != want || err != nil {
				t.Errorf("%s\n%v, want\n%s", got, err, want)
			}
		})
	}
}

// mark shows what was asked about, and what was whole.
func mark(name string, whole bool) (string, error) {
	if whole {
		return "(w)" + name, nil
	}
	return "(p)" + name, nil
}

func TestGRUBRefuses(t *testing.T) {
	bad := errors.New("bad")
	refuse := func(string, bool) (string, error) { return "", bad }
	for _, c := range []struct{ script, says string }{
		{"linux (http,h)/k\n\n  initrd \\\n i\n", "line 4: bad"},
		{"set a=b\nmenuentry x {\nlinux (http,h)/k\n", "line 2: a block is opened"},
		{"echo a\necho 'b\nc", "line 2: a quote is opened"},
		{"echo \"b\\\"", "a quote is opened"},
		{"linux ${x", "line 1: a block is opened"},
	} {
		got, err := GRUB(c.script, refuse)
		if err == nil || got != "" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %q, %v; want %q", c.script, got, err, c.says)
		}
	}
}

// TestGRUBStaysValid: GRUB's own parser takes each script as well as before.
func TestGRUBStaysValid(t *testing.T) {
	check := testenv.NeedProgram(t, "grub-script-check")[0]
	valid := func(script string) bool {
		cmd := exec.CommandContext(t.Context(), check)
		cmd.Stdin = strings.NewReader(script)
		err := cmd.Run()
		if _, refused := errors.AsType[*exec.ExitError](err); err != nil && !refused {
			t.Fatal(err)
		}
		return err == nil
	}
	resolve := func(name string, _ bool) (string, error) { return "(http,[fd00::1]:80)/" + name, nil }
	taken := 0
	for _, c := range grubCases() {
		got, err := GRUB(c.script, resolve)
		if err != nil {
			t.Fatal(err)
		}
		if !valid(c.script) {
			continue // a mistake that GRUB tells, or what only GRUB itself reads so
		}
		if taken++; !valid(got) {
			t.Errorf("%s: GRUB took\n%s\nand refuses\n%s", c.name, c.script, got)
		}
	}
	if taken < 35 {
		t.Errorf("GRUB took only %d of the scripts", taken)
	}
}
