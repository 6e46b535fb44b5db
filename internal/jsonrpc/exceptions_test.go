package jsonrpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

func TestExceptionsAreIronics(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), testenv.NeedProgram(t, "/usr/bin/python3")[0], "testdata/exceptions.py")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var codes map[string]int
	if err := json.Unmarshal(out, &codes); err != nil {
		t.Fatal(err)
	}
	for _, x := range exceptions {
		if code, ok := codes[x.class]; !ok || code != x.code {
			t.Errorf("%s has code %d, Ironic's has %d (exists: %t)", x.class, x.code, code, ok)
		}
	}
}

func TestExceptionsBothWays(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, x := range exceptions {
		if seen[x.class] {
			t.Errorf("%s is in the table twice", x.class)
		}
		seen[x.class] = true
		sent := usher.Errorf(x.kind, "why").WithClass(x.class)
		code, message, class, ok := toWire(sent)
		if !ok {
			t.Errorf("%s: not sent", x.class)
			continue
		}
		got := fromWire("h", "m", &wireError{Code: code, Message: message, Data: &wireClass{Class: class}})
		if e, ok := errors.AsType[*usher.Error](got); !ok || *e != *sent {
			t.Errorf("%s came back as %#v", x.class, got)
		}
	}
	for _, tc := range []struct {
		kind  error
		class string // of the error
		want  string // on the wire
	}{
		{usher.ErrNotFound, "", "NotFound"},
		{usher.ErrInvalid, "", "InvalidParameterValue"},
		{usher.ErrConflict, "", "Conflict"},
		{usher.ErrUnsupported, "", "UnsupportedDriverExtension"},
		{usher.ErrUnavailable, "", "TemporaryFailure"},
		// Ironic's client can raise only what Ironic has.
		{usher.ErrConflict, "NotOneOfIronics", "Conflict"},
	} {
		_, _, class, ok := toWire(usher.Errorf(tc.kind, "why").WithClass(tc.class))
		if want := "ironic.common.exception." + tc.want; class != want || !ok {
			t.Errorf("%v %q: sent as %q, want %q", tc.kind, tc.class, class, want)
		}
	}
}

// A class from a module that Ironic's client does not trust tells nothing.
func TestForeignClass(t *testing.T) {
	t.Parallel()
	for _, class := range []string{"os.NodeNotFound", "NodeNotFound", ""} {
		err := fromWire("h", "m", &wireError{Code: 404, Message: "why", Data: &wireClass{Class: class}})
		if _, ok := errors.AsType[*RemoteError](err); !ok || errors.Is(err, usher.ErrNotFound) {
			t.Errorf("%q: %#v, want a RemoteError", class, err)
		}
	}
}
