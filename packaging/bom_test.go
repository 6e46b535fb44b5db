package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"
)

// packed is the content of the Debian package in a folder, as dpkg unpacks it.
func packed(t *testing.T, version string) string {
	t.Helper()
	need(t, "dpkg-deb")
	dir := t.TempDir()
	must(t, "dpkg-deb", "--extract", debFile(t, version), dir)
	return dir
}

// TestBOM: what ships beside the program is by CycloneDX's own schema, and
// lists what is linked into that program, no more and no less.
func TestBOM(t *testing.T) {
	dir := packed(t, "1.0.0")
	content, err := os.ReadFile(filepath.Join(dir, "usr/share/doc/usher/usher.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		SpecVersion string
		Metadata    struct {
			Component struct{ Name, Version string }
		}
		Components []struct{ Name, Version, PURL string }
	}
	if err := json.Unmarshal(content, &bom); err != nil {
		t.Fatal(err)
	}
	if bom.Metadata.Component.Name != "github.com/usher-boot/usher" || bom.Metadata.Component.Version != "v1.0.0" {
		t.Errorf("it is about %+v", bom.Metadata.Component)
	}
	info, err := buildinfo.ReadFile(filepath.Join(dir, "usr/bin/usher"))
	if err != nil {
		t.Fatal(err)
	}
	linked := []string{"pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")}
	for _, m := range info.Deps {
		linked = append(linked, "pkg:golang/"+m.Path+"@"+m.Version)
	}
	var listed []string
	for _, c := range bom.Components {
		listed = append(listed, c.PURL)
	}
	slices.Sort(linked)
	slices.Sort(listed)
	if diff := cmp.Diff(linked, listed); diff != "" {
		t.Errorf("linked and listed (-linked +listed):\n%s", diff)
	}

	// The schemas come with the library that writes the format.
	module := strings.TrimSpace(must(t, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go"))
	schemas := gojsonschema.NewSchemaLoader()
	for _, name := range []string{"spdx.schema.json", "jsf-0.82.schemax.json"} {
		text, err := os.ReadFile(filepath.Join(module, "schema", name))
		if err != nil {
			t.Fatal(err)
		}
		at := "http://cyclonedx.org/schema/" + strings.Replace(name, "schemax", "schema", 1)
		if err := schemas.AddSchema(at, gojsonschema.NewBytesLoader(text)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(module, "schema", "bom-"+bom.SpecVersion+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := schemas.Compile(gojsonschema.NewBytesLoader(text))
	if err != nil {
		t.Fatal(err)
	}
	result, err := schema.Validate(gojsonschema.NewBytesLoader(content))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range result.Errors() {
		t.Errorf("not as CycloneDX %s has it: %s", bom.SpecVersion, e)
	}
}

// TestCopyright: the licence of each linked module is in the package.
func TestCopyright(t *testing.T) {
	dir := packed(t, "1.0.0")
	content, err := os.ReadFile(filepath.Join(dir, "usr/share/doc/usher/copyright"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(filepath.Join(dir, "usr/bin/usher"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Deps {
		if !strings.Contains(string(content), "\n"+m.Path+" "+m.Version+", ") {
			t.Errorf("nothing of %s", m.Path)
		}
	}
}
