package management

import (
	"encoding/json"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"
)

// patchCase is a document and operations on its member "extra".
type patchCase struct{ doc, ops string }

var patchCases = []patchCase{
	{`{"a": 1}`, `[{"op": "add", "path": "/extra/b", "value": {"c": [1, 2]}}]`},
	{`{"a": [1, 2, 3]}`, `[{"op": "add", "path": "/extra/a/1", "value": 9}, {"op": "remove", "path": "/extra/a/0"}]`},
	{`{"a": [1, 2, 3]}`, `[{"op": "add", "path": "/extra/a/-", "value": 9}, {"op": "add", "path": "/extra/a/4", "value": 10}]`},
	{`{"a": [1, {"b": 2}]}`, `[{"op": "replace", "path": "/extra/a/1/b", "value": null}]`},
	{`{"a": {"b": {"c": 1}}}`, `[{"op": "remove", "path": "/extra/a/b/c"}, {"op": "replace", "path": "/extra/a/b", "value": 3}]`},
	{`{"a": 1}`, `[{"op": "replace", "path": "/extra/x", "value": 1}]`},
	{`{"a": 1}`, `[{"op": "remove", "path": "/extra/x"}]`},
	{`{"a": 1}`, `[{"op": "add", "path": "/extra/x/y", "value": 1}]`},
	{`{"a": 1}`, `[{"op": "add", "path": "/extra/a/y", "value": 1}]`},
	{`{"a": [1]}`, `[{"op": "add", "path": "/extra/a/2", "value": 1}]`},
	{`{"a": [1]}`, `[{"op": "replace", "path": "/extra/a/1", "value": 1}]`},
	{`{"a": [1]}`, `[{"op": "remove", "path": "/extra/a/-"}]`},
	{`{"a": [1]}`, `[{"op": "add", "path": "/extra/a/x", "value": 1}]`},
	{`{"a": [1]}`, `[{"op": "replace", "path": "/extra/a/0/b", "value": 1}]`},
}

// TestPatch holds the applier against another implementation of RFC 6902
// wherever the two mean the same.
func TestPatch(t *testing.T) {
	for _, c := range patchCases {
		t.Run(c.ops, func(t *testing.T) { comparePatch(t, c) })
	}
}

func comparePatch(t *testing.T, c patchCase) {
	document := `{"extra": ` + c.doc + `}`
	patch, err := jsonpatch.DecodePatch([]byte(c.ops))
	if err != nil {
		return // not a patch at all
	}
	options := jsonpatch.NewApplyOptions()
	options.SupportNegativeIndices = false
	theirs, theirErr := patch.ApplyWithOptions([]byte(document), options)

	var doc, before map[string]any
	var list []any
	for text, v := range map[string]any{document: &doc, c.ops: &list} {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			return
		}
	}
	_ = json.Unmarshal([]byte(document), &before) // as doc above
	var ops []patchOp
	for _, item := range list {
		op, err := readOp(item)
		if err != nil || op.path[0] != "extra" || len(op.path) == 1 {
			return // not Ironic's kind of patch
		}
		ops = append(ops, op)
	}
	shared := doc["extra"]
	ourErr := applyPatch(doc, ops)
	if diff := cmp.Diff(before["extra"], shared); diff != "" {
		t.Errorf("the original was changed:\n%s", diff)
	}
	if (ourErr == nil) != (theirErr == nil) {
		t.Fatalf("ours: %v, theirs: %v", ourErr, theirErr)
	}
	if ourErr != nil {
		return
	}
	var want map[string]any
	if err := json.Unmarshal(theirs, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("(-theirs +ours)\n%s", diff)
	}
}

func TestSecrets(t *testing.T) {
	var in, want map[string]any
	for text, v := range map[string]any{
		`{"ipmi_password": "a", "deep": {"list": [{"auth_token": 5}], "kernel_append_params": "quiet ipa-api-password=b nofb"},
		  "url": "http://user:c@images/i", "plain": "no secret here", "Redfish_PassWord": "d", "password": {"inner": "e", "api_secret": "f"}}`: &in,
		`{"ipmi_password": "******", "deep": {"list": [{"auth_token": "******"}], "kernel_append_params": "quiet ipa-api-password=****** nofb"},
		  "url": "http://user:******@images/i", "plain": "no secret here", "Redfish_PassWord": "******",
		  "password": {"inner": "e", "api_secret": "******"}}`: &want,
	} {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, maskSecrets(in)); diff != "" {
		t.Error(diff)
	}
}

// FuzzPatch: never a panic, never a change of what others hold, and the same
// outcome as another implementation.
func FuzzPatch(f *testing.F) {
	for _, c := range patchCases {
		f.Add(c.doc, c.ops)
	}
	f.Fuzz(func(t *testing.T, doc, ops string) {
		if !strings.HasPrefix(doc, "{") || strings.Contains(ops, "null") || len(doc)+len(ops) > 4096 {
			return // the other one treats null values in its own way
		}
		comparePatch(t, patchCase{doc, ops})
	})
}
