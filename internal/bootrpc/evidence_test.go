package bootrpc

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// witness is a conductor behind a wire; an older one has no MethodEvidence.
type witness struct {
	older bool
	err   error
}

func (witness) Evidence(_ context.Context, uuid, file string) bootiface.Evidence {
	return bootiface.Evidence{Host: "c1", Path: "/" + uuid + "/" + file, Found: true, Size: 7,
		Problem: bootiface.ProblemOf(usher.Errorf(usher.ErrNotFound, "not for you"))}
}

func (w witness) Call(ctx context.Context, _, method string, params map[string]any, result any) error {
	var answer any = "#!ipxe\nkernel http://c1/k\n"
	switch {
	case w.err != nil:
		return w.err
	case method == MethodEvidence && w.older:
		return noMethod{}
	case method == MethodEvidence:
		raw, err := json.Marshal(params)
		if err != nil {
			return err
		}
		if answer, err = AnswerEvidence(w)(ctx, raw); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

func TestEvidence(t *testing.T) {
	node := usher.BootNode{UUID: "u"}
	e, err := Evidence(t.Context(), witness{}, "c1", node, "boot.ipxe")
	want := bootiface.Evidence{Host: "c1", Path: "/u/boot.ipxe", Found: true, Size: 7,
		Problem: &bootiface.Problem{Kind: "not_found", Message: "not for you"}}
	if diff := cmp.Diff(want, e); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	e, err = Evidence(t.Context(), witness{older: true}, "c1", node, "boot.ipxe")
	want = bootiface.Evidence{Host: "c1", Plain: true, Found: true, Size: 26, Servers: []string{"http://c1"}}
	if diff := cmp.Diff(want, e); err != nil || diff != "" {
		t.Errorf("an older one: %v\n%s", err, diff)
	}
	down := errors.New("down")
	if _, err = Evidence(t.Context(), witness{err: down}, "c1", node, "boot.ipxe"); !errors.Is(err, down) {
		t.Errorf("one that is down: %v", err)
	}
	if _, err := AnswerEvidence(witness{})(t.Context(), json.RawMessage(`{"node_id":7}`)); !errors.Is(err, usher.ErrInvalid) {
		t.Errorf("bad parameters: %v", err)
	}
}
