package operand

import (
	"errors"
	"strings"
	"testing"
)

// bracket shows what was asked about, and what was whole.
func bracket(name string, whole bool) (string, error) {
	if whole {
		return "<" + name + ">", nil
	}
	return "<" + name + "|", nil
}

const magic = "#!ipxe\n"

func TestIPXE(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{ // want empty: as it is
		{"absolute", "kernel http://h/k a=b initrd=r || goto retry\ninitrd --name x tftp://h/i\nchain iscsi:10.0.0.1::::iqn", ""},
		{"relative", "kernel deploy_kernel root=/dev/ram0 || goto retry", "kernel <deploy_kernel> root=/dev/ram0 || goto retry"},
		{"absolute path", "initrd /a/b", "initrd </a/b>"},
		{"two slashes are a path", "initrd //host/b", "initrd <//host/b>"},
		{"a digit is no scheme", "initrd 10:x", "initrd <10:x>"},
		{"no scheme at all", "initrd :x\n", ""},
		{"after a label", ":deploy kernel k", ":deploy kernel <k>"},
		{"a label that is like a command", ":kernel k", ""},
		{"comment", "# kernel k\n  #kernel k\nkernel http://h/k # initrd i\nboot #x", ""},
		{"comment needs a space before", "kernel k#1", "kernel <k#1>"},
		{"a comment ends the line", "echo a # || kernel k", ""},
		{"several commands", "isset ${x} && kernel a || initrd b ; chain c", "isset ${x} && kernel <a> || initrd <b> ; chain <c>"},
		{"ends without spaces are words", "kernel a||b&&c;d", "kernel <a||b&&c;d>"},
		{"options", "kernel -n x --timeout 5 -qa --replace k arg", "kernel -n x --timeout 5 -qa --replace <k> arg"},
		{"options with values inside", "initrd --name=x -t5 -qnz i", "initrd --name=x -t5 -qnz <i>"},
		{"end of options", "initrd -- -i", "initrd -- <-i>"},
		{"the name before the URL", "initrd --name ../x http://h/i", ""},
		{"options after the file are arguments", "kernel k --name x --foo", "kernel <k> --name x --foo"},
		{"sanboot", "sanboot --drive 0x80 --no-describe -f /efi/x.efi a.iso http://h/b.iso c", "sanboot --drive 0x80 --no-describe -f /efi/x.efi <a.iso> http://h/b.iso <c>"},
		{"sanboot of a disk", "sanboot --no-describe || exit 0\nsanboot --no-describe --drive 0x80", ""},
		{"no operand", "boot || kernel\nimgexec --autofree", ""},
		{"not a loading command", "echo ../x\nset kernel k\nimgfree k\nimgstat k\ngoto k\nitem k", ""},
		{"all of them", "imgfetch a\nmodule b\nimgload c\nimgselect d\nchain e\nshim f\nfdt g\nimgexec h\nboot i\nimgset x j\nimgverify k l\ncertstore m\nsha256sum n o",
			"imgfetch <a>\nmodule <b>\nimgload <c>\nimgselect <d>\nchain <e>\nshim <f>\nfdt <g>\nimgexec <h>\nboot <i>\nimgset x <j>\nimgverify <k> <l>\ncertstore <m>\nsha256sum <n> <o>"},
		{"setting first", "kernel ${base}/k\ninitrd ${a}${b}", ""},
		{"setting later", "kernel k/${arch}/../x ${a}", "kernel <k/|${arch}/../x ${a}"},
		{"not a setting", "kernel k${arch", "kernel <k${arch>"},
		{"setting known", "set base ../images\nkernel ${base}/k-${arch}/x", "set base ../images\nkernel <../images/k-|${arch}/x"},
		{"setting known and absolute", "set base http://h\nkernel ${base}/k", ""},
		{"setting set twice", "set base a\nset base b\nkernel ${base}/k", ""},
		{"setting set by another command", "set base a\nread base\nkernel ${base}/k", ""},
		{"setting set of a type", "set base:string a\nkernel ${base}/k", ""},
		{"setting set perhaps", "isset ${x} && set base a\nkernel ${base}/k", ""},
		{"setting set to another", "set base ${x}\nkernel ${base}/k", ""},
		{"an image's name", "initrd http://h/a/r\ninitrd --name s x/y\nimgexec r\nboot s\nkernel r || imgargs s q\nimgexec t",
			"initrd http://h/a/r\ninitrd --name s <x/y>\nimgexec r\nboot s\nkernel r || imgargs s q\nimgexec <t>"},
		{"a name that is decoded", "initrd http://h/a%41?x=/z\nimgexec aA", ""},
		{"the same file twice", "kernel vmlinuz || goto x\nkernel vmlinuz", "kernel <vmlinuz> || goto x\nkernel <vmlinuz>"},
		{"fetched, then run by its name", "imgfetch vmlinuz\nkernel vmlinuz", "imgfetch <vmlinuz>\nkernel vmlinuz"},
		{"an image of unknown name", "initrd ${url}\nimgexec r\nimgexec a/r", "initrd ${url}\nimgexec r\nimgexec <a/r>"},
		{"fetching takes no names", "initrd --name r http://h/x\ninitrd r", "initrd --name r http://h/x\ninitrd <r>"},
		{"continued", "kernel \\\n  ../k \\\n  a=b || \\\ninitrd i", "kernel \\\n  <../k> \\\n  a=b || \\\ninitrd <i>"},
		{"continued within a word", "ker\\\nnel ..\\\n/k a", "ker\\\nnel <../k> a"},
		{"a comment goes on, too", "# a \\\nkernel k\nkernel k", "# a \\\nkernel k\nkernel <k>"},
		{"continued at the end: not run", "kernel k\\", ""},
		{"carriage returns", "kernel k\r\nkernel \\\r\n i\r\nboot", "kernel <k>\r\nkernel \\\r\n <i>\r\nboot"},
		{"all white space", "\tkernel\v \fk\t\tx", "\tkernel\v \f<k>\t\tx"},
		{"unknown option, a file with its server", "kernel --new 3 http://h/k ../x", ""},
		{"parameters", "chain x##params", "chain <x##params>"},
		{"empty lines", "\n\n \n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := magic + c.want
			if c.want == "" {
				want = magic + c.script
			}
			if got, err := IPXE(magic+c.script, bracket); got != want || err != nil {
				t.Errorf("%s\n%v, want\n%s", got, err, want)
			}
		})
	}
}

func TestIPXERefuses(t *testing.T) {
	bad := errors.New("bad")
	refuse := func(string, bool) (string, error) { return "", bad }
	for _, c := range []struct{ script, says string }{
		{"kernel http://h/k\n\ninitrd \\\n i\n", "line 5: bad"},
		{"kernel --new 3 ../k", `line 2: kernel: the option "--new" is not known here`},
		{"kernel -z k", `the option "-z"`},
		{"kernel --name -q k", `the option "--name" has no value`},
		{"kernel - k", `the option "-"`},
	} {
		got, err := IPXE(magic+c.script, refuse)
		if err == nil || got != "" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %q, %v; want %q", c.script, got, err, c.says)
		}
	}
	if _, err := IPXE(magic+"kernel k", refuse); !errors.Is(err, bad) {
		t.Errorf("the resolver's error is lost: %v", err)
	}
}
