package bootiface

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkRead reads one of many boot files, which are in the page cache.
func BenchmarkRead(b *testing.B) {
	d, err := OpenDisk(DiskOptions{HTTPRoot: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	ipxe, _ := Lookup("ipxe")
	uuids := make([]string, 256)
	for i := range uuids {
		uuids[i] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		folder := filepath.Join(d.Path(HTTPRoot), uuids[i])
		text := []byte("#!ipxe\n" + strings.Repeat("#\n", 600))
		if err := errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(filepath.Join(folder, "config"), text, 0o644)); err != nil {
			b.Fatal(err)
		}
	}
	for _, bench := range []struct {
		name string
		uuid func(i int) string
		ok   bool
	}{
		{"there", func(i int) string { return uuids[i%len(uuids)] }, true},
		{"missing", func(int) string { return "11111111-0000-4000-8000-000000000000" }, false},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := d.Read(ipxe, bench.uuid(i), "boot.ipxe"); (err == nil) != bench.ok {
					b.Fatal(err)
				}
			}
		})
	}
}
