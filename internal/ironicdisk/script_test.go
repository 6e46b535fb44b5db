package ironicdisk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	long := "#!ipxe\n" + strings.Repeat("x", 2*pieceSize-len("#!ipxe\n"))
	for _, c := range []struct {
		name, content string
		want          error
	}{
		{"boot.ipxe", "#!ipxe\nboot\n", nil},
		{"boot.ipxe", "#!ipxe boot\n", nil},
		{"boot.ipxe", "#!ipxe\t", nil},
		{"boot.ipxe", "#!ipxe\r\nboot", nil},
		{"boot.ipxe", "#!gpxe\nboot", nil},
		{"boot.ipxe", "#!ipxe", errNotIPXE},
		{"boot.ipxe", "#!ipxe2\n", errNotIPXE},
		{"boot.ipxe", " #!ipxe\n", errNotIPXE},
		{"boot.ipxe", "\ufeff#!ipxe\n", errNotIPXE},
		{"boot.ipxe", "#!IPXE\n", errNotIPXE},
		{"boot.ipxe", "<html>", errNotIPXE},
		{"boot.ipxe", "", ErrIncomplete},
		{"boot.ipxe", "\n \n", ErrIncomplete},
		{"boot.ipxe", long, ErrIncomplete},
		{"boot.ipxe", long[:len(long)-5] + "\nboot", nil},
		{"boot.ipxe", "#!ipxe\nboot\x00", errNUL},
		{"grub.cfg", "linux x\nboot", nil},
		{"grub.cfg", "# a comment\n", nil},
		{"grub.cfg", "set default=deploy\n", nil},
		{"grub.cfg", "default=deploy\n", nil},
		{"grub.cfg", "", ErrIncomplete},
		{"grub.cfg", strings.Repeat("x", pieceSize), ErrIncomplete},
		{"grub.cfg", "#!ipxe\nboot\n", errIPXE},
		{"grub.cfg", "#!gpxe\n", errIPXE},
		{"grub.cfg", "\n<html>", errMarkup},
		{"grub.cfg", "default linux\n", errPXELINUX},
		{"grub.cfg", "# x\n\n  LABEL linux\n", errPXELINUX},
		{"grub.cfg", "timeout 5\n\tkernel vmlinuz\n", errPXELINUX},
		{"grub.cfg", "Append a=b", errPXELINUX},
		{"grub.cfg", "\x7fELF\x00", errNUL},
	} {
		if err := check(c.name, c.content); !errors.Is(err, c.want) {
			t.Errorf("%s %.40q: %v, want %v", c.name, c.content, err, c.want)
		}
	}
}

// golden is a file that Ironic wrote.
func golden(t testing.TB, release, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata/ironic", release, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestCheckIronics: what Ironic writes is taken for what it is.
func TestCheckIronics(t *testing.T) {
	for _, release := range []string{"21.4", "29"} {
		for _, c := range []struct {
			file, name string
			want       error
		}{
			{"ipxe.config", "boot.ipxe", nil}, {"pxe.config", "grub.cfg", nil}, {"bios.config", "grub.cfg", errPXELINUX},
			{"ipxe.config", "grub.cfg", errIPXE}, {"pxe.config", "boot.ipxe", errNotIPXE}, {"bios.config", "boot.ipxe", errNotIPXE},
		} {
			if err := check(c.name, golden(t, release, c.file)); !errors.Is(err, c.want) {
				t.Errorf("%s %s as %s: %v, want %v", release, c.file, c.name, err, c.want)
			}
		}
	}
	if err := check("grub.cfg", golden(t, "29", "http.config")); err != nil {
		t.Error(err)
	}
}

// TestCut: the first part of what Ironic writes is never taken for the whole,
// and the whole is not doubted, at the lengths at which it writes in pieces.
func TestCut(t *testing.T) {
	for file, name := range map[string]string{"ipxe.config": "boot.ipxe", "pxe.config": "grub.cfg"} {
		text := golden(t, "29", file)
		head, tail, _ := strings.Cut(text, "\n")
		for _, size := range []int{pieceSize, 2 * pieceSize, 4 * pieceSize} {
			padded := head + "\n" + strings.Repeat("# padding\n", 4*pieceSize/10) + tail
			if err := check(name, padded[:size-1]+"x"); !errors.Is(err, ErrIncomplete) {
				t.Errorf("%s: the first %d bytes pass as whole: %v", file, size, err)
			}
			whole := head + "\n#" + strings.Repeat("x", size-len(text)-2) + "\n" + tail
			if err := check(name, whole); len(whole) != size || err != nil {
				t.Errorf("%s: a whole file of %d bytes is doubted: %v", file, len(whole), err)
			}
		}
	}
}
