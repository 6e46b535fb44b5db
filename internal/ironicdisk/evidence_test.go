package ironicdisk

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

func TestLook(t *testing.T) {
	d, i := newDisk(t), lookup(t, "http")
	e := bootiface.Evidence{Host: "c1"}
	if err := d.Look(i, nodeUUID, "grub.cfg", &e); !errors.Is(err, usher.ErrNotFound) || e.Path != d.pathOf(bootiface.TFTPRoot, nodeUUID) || e.Found {
		t.Errorf("%+v, %v", e, err)
	}
	path := write(t, d, bootiface.HTTPRoot, golden(t, "29", "http.config"), time.Hour)
	if err := d.Look(i, nodeUUID, "grub.cfg", &e); err != nil || !e.Found || e.Path != path || e.Size < 500 || e.Written.IsZero() || len(e.Servers) != 2 {
		t.Errorf("%+v, %v", e, err)
	}
	write(t, d, bootiface.HTTPRoot, golden(t, "29", "bios.config"), time.Hour)
	err := d.Look(i, nodeUUID, "grub.cfg", &e)
	if got, ok := errors.AsType[*usher.Error](err); !ok || got.Class != classBadFile || !errors.Is(err, usher.ErrUnavailable) ||
		!strings.Contains(got.Message, path) || !strings.Contains(got.Message, "PXELINUX") || !e.Found || e.Servers != nil || e.Size == 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if err := d.Look(i, "../../etc", "grub.cfg", &e); err == nil {
		t.Error("looked for no UUID")
	}
}
