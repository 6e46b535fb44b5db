package bootiface

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

func TestProblemTravels(t *testing.T) {
	for _, err := range []error{
		usher.Errorf(usher.ErrNotFound, "none"), usher.Errorf(usher.ErrUnsupported, "not here").WithClass("UnsupportedDriverExtension"),
		usher.Errorf(usher.ErrUnavailable, "later").WithClass("TemporaryFailure"), usher.Errorf(usher.ErrInvalid, "bad"),
		usher.Errorf(usher.ErrConflict, "locked").WithClass("NodeLocked"), errors.New("who knows"),
	} {
		got := ProblemOf(err).Err()
		if got.Error() != err.Error() {
			t.Errorf("%q became %q", err, got)
		}
		for _, kind := range problemKinds() {
			if errors.Is(got, kind) != errors.Is(err, kind) {
				t.Errorf("%v: is it %v? then %t, now %t", err, kind, errors.Is(err, kind), errors.Is(got, kind))
			}
		}
		was, _ := errors.AsType[*usher.Error](err)
		if is, _ := errors.AsType[*usher.Error](got); was != nil && (is == nil || is.Class != was.Class) {
			t.Errorf("%v: class %+v, was %+v", err, is, was)
		}
	}
	if ProblemOf(nil).Err() != nil {
		t.Error("no error became one")
	}
}

func TestServers(t *testing.T) {
	const script = "#!ipxe\n# see http://docs.example\nkernel --name vmlinuz http://10.0.0.1:6386/u/deploy_kernel ipa-api-url=https://api.example token=s3cret\n" +
		"initrd http://10.0.0.1:6386/u/deploy_ramdisk || goto x\nchain http://u:s3cret@[fe80::1]:80/x\nlinux (http,10.0.0.9:80)/k\n"
	want := []string{"http://docs.example", "http://10.0.0.1:6386", "https://api.example", "http://[fe80::1]:80", "http://10.0.0.9:80"}
	if diff := cmp.Diff(want, Servers(script)); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
}
