package operand

import (
	"strings"
	"testing"
)

// absolute is a resolver as a server's is: it leaves what has a server, and
// gives one to all else.
func absolute(prefix string) Resolve {
	return func(name string, _ bool) (string, error) {
		if strings.HasPrefix(name, prefix) {
			return name, nil
		}
		return prefix + "/" + strings.NewReplacer(" ", "%20", "\n", "%0A", "\t", "%09", "\v", "%0B", "\f", "%0C", "\r", "%0D").Replace(name), nil
	}
}

// keep leaves every operand alone.
func keep(name string, _ bool) (string, error) { return name, nil }

// check holds what is true of every script: where no operand is replaced it is
// the same to the byte, and where all are absolute nothing is left to replace.
func check(t *testing.T, rewrite func(string, Resolve) (string, error), script string, resolve Resolve) {
	t.Helper()
	same, err := rewrite(script, keep)
	if err != nil {
		return // it is no script, which the other resolver finds, too
	}
	if same != script {
		t.Fatalf("nothing was to be replaced, and %q became %q", script, same)
	}
	once, err := rewrite(script, resolve)
	if err != nil {
		t.Fatalf("%q: %v", script, err)
	}
	twice, err := rewrite(once, resolve)
	if err != nil || twice != once {
		t.Fatalf("%q became\n%q, and that\n%q, %v", script, once, twice, err)
	}
}

func FuzzIPXE(f *testing.F) {
	for _, script := range []string{"", "kernel k\ninitrd --name x ../i || goto retry\nboot x\n", ":l kernel \\\n k\r\n", "set b ../x\nchain ${b}/y${z}",
		"sanboot -d 0x80 a b\nimgverify -q a b # c\n", "kernel --name=a -qn b c;initrd ${x}"} {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script string) {
		check(t, IPXE, magic+script, absolute("http://h"))
	})
}

func FuzzGRUB(f *testing.F) {
	for _, script := range []string{"", "menuentry 'x' {\n linux \"a b\"$c d\n initrd newc:x:y z\n}\n", "set b=x\nif linux $b; then boot; fi # x\n",
		"set root=(hd0)\nlinux a", "linux \\\n a\\\nb\r\n", "echo $\"x\"'y'\\z\nchainloader --force +1", "search --set root\nfunction f { source $1; }"} {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script string) {
		check(t, GRUB, script, absolute("(http,h)"))
	})
}
