package conductor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
)

const exampleUUID = "11111111-2222-4333-8444-555555555501"

func row(i int, stamp time.Time) usher.BootNode {
	return usher.BootNode{UUID: fmt.Sprintf("11111111-2222-4333-8444-%012d", i), BootInterface: "ipxe", ProvisionUpdatedAt: stamp}
}

// TestBootFilesShare: files that differ by their nodes' UUIDs and names come
// back with their own, and share what is kept.
func TestBootFilesShare(t *testing.T) {
	var f bootFiles
	stamp := time.Now()
	content := func(n usher.BootNode) string {
		return "#!ipxe\n# Node " + n.UUID + " (" + n.UUID[30:] + ")\nkernel k\n# and " + n.UUID + "\n" + strings.Repeat("# the same\n", 50)
	}
	const many = 1000
	for i := range many {
		f.put(row(i, stamp), content(row(i, stamp)), []namedImage{{"kernel", "k"}}, 0)
	}
	for i := range many {
		got, images, ok := f.get(row(i, stamp))
		if !ok || got != content(row(i, stamp)) || len(images) != 1 || images[0] != (namedImage{"kernel", "k"}) {
			t.Fatalf("%v, %v, %q", ok, images, got)
		}
	}
	if n := len(f.kept[0].texts); n != 1 {
		t.Errorf("%d texts are kept of files that differ by UUID and name only", n)
	}
	if per := f.kept[0].bytes / many; per > 200 {
		t.Errorf("a node takes %d bytes", per)
	}
	// The same text with other images is another one.
	f.put(row(0, stamp), content(row(0, stamp)), []namedImage{{"kernel", "k2"}}, 0)
	if _, images, _ := f.get(row(0, stamp)); images[0].digest != "k2" {
		t.Errorf("images %v", images)
	}
	if _, images, _ := f.get(row(1, stamp)); images[0].digest != "k" {
		t.Errorf("another node's images %v", images)
	}
}

// TestBootFilesCurrent: only what was rendered for this very row is given.
func TestBootFilesCurrent(t *testing.T) {
	var f bootFiles
	stamp := time.Now().Truncate(time.Microsecond)
	f.put(row(1, stamp), "text", nil, f.current())
	if _, _, ok := f.get(row(1, stamp)); !ok {
		t.Error("it is not kept")
	}
	other := row(1, stamp)
	other.BootInterface = "pxe"
	for what, n := range map[string]usher.BootNode{"earlier stamp": row(1, stamp.Add(-time.Microsecond)), "later stamp": row(1, stamp.Add(time.Microsecond)),
		"no stamp": row(1, time.Time{}), "another node": row(2, stamp), "another boot interface": other, "no UUID": {UUID: "..", ProvisionUpdatedAt: stamp}} {
		if got, _, ok := f.get(n); ok {
			t.Errorf("%s: %q", what, got)
		}
	}
	f.put(row(3, time.Time{}), "of a row without a stamp", nil, 0)
	if _, _, ok := f.get(row(3, time.Time{})); !ok {
		t.Error("without a stamp it is not kept")
	}
	f.forget(row(1, stamp).UUID)
	if _, _, ok := f.get(row(1, stamp)); ok {
		t.Error("kept though forgotten")
	}
	before := f.current()
	f.forgetAll()
	f.put(row(1, stamp), "rendered with settings of before", nil, before)
	if _, _, ok := f.get(row(1, stamp)); ok {
		t.Error("rendered with settings of before, and kept")
	}
}

// TestBootFilesBound: however many files there are, little is kept of them, and
// what was asked for lately stays.
func TestBootFilesBound(t *testing.T) {
	var f bootFiles
	stamp := time.Now()
	long := strings.Repeat("x", 10_000)
	for i := range 10_000 {
		f.put(row(i, stamp), fmt.Sprint(i)+long, nil, 0) // no two alike
		if i%1000 == 0 {
			if _, _, ok := f.get(row(0, stamp)); !ok {
				t.Fatalf("after %d more: what is asked for again and again is not kept", i)
			}
		}
	}
	if kept := len(f.kept[0].nodes) + len(f.kept[1].nodes); kept*len(long) > 2*mostBytes+2*len(long) || kept < 1000 {
		t.Errorf("%d files are kept", kept)
	}
}

// FuzzSplit: whatever is taken apart comes back as it was.
func FuzzSplit(f *testing.F) {
	for _, content := range []string{"", exampleUUID, "# " + exampleUUID, "#!ipxe\n# " + exampleUUID + " (n)\nkernel " + exampleUUID + "/k\n",
		"kernel " + exampleUUID + "\n# " + exampleUUID + "\n", "#" + exampleUUID + exampleUUID + "\n", "a\x00b" + exampleUUID} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		if got := split(content, exampleUUID).join(exampleUUID); got != content {
			t.Errorf("%q came back as %q", content, got)
		}
	})
}
