package app

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
)

// FuzzText: the short way writes what slog does.
func FuzzText(f *testing.F) {
	f.Add("boot request", "boot.ipxe", int64(1234))
	f.Add("", "wait call-back", int64(-1))
	f.Add("x", "", int64(time.Hour))
	f.Add("a=b", "node \"1\"\n", int64(0))
	f.Add("é", "a\\b\x00\xff", int64(time.Microsecond))
	f.Fuzz(func(t *testing.T, msg, value string, took int64) {
		when := time.Unix(1_800_000_000+took%1e9, took).UTC()
		record := func(attrs ...slog.Attr) slog.Record {
			r := slog.NewRecord(when, slog.LevelWarn, msg, 0)
			r.AddAttrs(attrs...)
			return r
		}
		for _, r := range []slog.Record{
			record(),
			record(slog.String("key", value), slog.Duration("took", time.Duration(took))),
			record(slog.Any("error", errors.New(value)), slog.Int64("n", took)),
			record(slog.Group("g", slog.String("key", value))),
			record(slog.Any("", &dispatch.Decision{AskedMAC: value, Steps: dispatch.Steps{Total: time.Duration(took)}}), slog.String("key", value)),
			record(slog.Any("key", &dispatch.Decision{Owner: value})),
		} {
			var want, got bytes.Buffer
			if err := slog.NewTextHandler(&want, nil).Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if err := newTextHandler(&got, nil).Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if got.String() != want.String() {
				t.Errorf("%q, slog has %q", got.String(), want.String())
			}
		}
	})
}

// TestTextShort: a boot request's line takes the short way, and what is added
// to a logger is not lost.
func TestTextShort(t *testing.T) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "boot request", 0)
	d := &dispatch.Decision{AskedMAC: "52-54-00-12-34-56", Node: usher.BootNode{UUID: "u", ProvisionState: usher.DeployWait}}
	r.AddAttrs(slog.Any("", d), slog.Duration("took", time.Millisecond))
	if _, ok := appendRecord(nil, r); !ok {
		t.Error("not plain enough")
	}
	var b bytes.Buffer
	slog.New(newTextHandler(&b, nil)).With("part", "test").Info("said")
	if !bytes.HasSuffix(b.Bytes(), []byte("level=INFO msg=said part=test\n")) {
		t.Errorf("%s", b.String())
	}
}
