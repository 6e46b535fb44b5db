package agent

import (
	"context"
	"testing"
	"time"
)

// Each reading of a boot file is told, in whichever way it was asked for.
func TestBootFileRead(t *testing.T) {
	w := newWorld(t)
	w.write(t, script, time.Hour)
	reads := 0
	w.o.BootFileRead = func(_ context.Context, start time.Time, err error) {
		if time.Since(start) < 0 || err != nil {
			t.Errorf("read at %v: %v", start, err)
		}
		reads++
	}
	if _, err := w.GetBootConfig(t.Context(), uuid, "boot.ipxe"); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.ReadyBootConfig(t.Context(), w.node, "boot.ipxe"); !ok {
		t.Fatal("not ready")
	}
	if reads != 2 {
		t.Errorf("told of %d readings, want 2", reads)
	}
}
