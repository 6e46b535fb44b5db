package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bom is the bill of materials of a program, from what the linker has put into
// it: what is not linked is not in it. It has no serial number, which would
// differ with each build.
func (s source) bom(info *debug.BuildInfo) ([]byte, error) {
	main := component(&debug.Module{Path: info.Main.Path, Version: "v" + strings.TrimPrefix(s.version, "v")})
	main.Type = cdx.ComponentTypeApplication
	main.Licenses = &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}}
	modules := append([]*debug.Module{{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}}, info.Deps...)
	components := make([]cdx.Component, len(modules))
	refs := make([]string, len(modules))
	for i, m := range modules {
		if m.Replace != nil {
			m = m.Replace
		}
		components[i] = component(m)
		refs[i] = components[i].BOMRef
	}
	b := cdx.NewBOM()
	b.Metadata = &cdx.Metadata{Timestamp: s.time.Format(time.RFC3339), Component: &main}
	b.Components = &components
	b.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "GOOS", "GOARCH", "CGO_ENABLED", "-trimpath":
			properties := append(deref(main.Properties), cdx.Property{Name: "cdx:gomod:build:env:" + setting.Key, Value: setting.Value})
			main.Properties = &properties
		}
	}
	var out bytes.Buffer
	encoder := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	err := encoder.EncodeVersion(b, cdx.SpecVersion1_6) // what others read today
	return out.Bytes(), err
}

func deref[T any](list *[]T) []T {
	if list == nil {
		return nil
	}
	return *list
}

func component(m *debug.Module) cdx.Component {
	url := "pkg:golang/" + m.Path + "@" + m.Version
	c := cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: url}
	// go.sum's hash is a SHA-256 of the module's files, as cyclonedx-gomod has it.
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == 32 {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	return c
}
