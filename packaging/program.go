package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// program is a built program with what must go where it goes.
type program struct {
	bytes     []byte
	bom       []byte // CycloneDX, JSON
	copyright []byte // of Usher and of all that is linked into it
}

// describeProgram reads out of a program what it was built from.
func (s source) describeProgram(ctx context.Context, path string) (p program, err error) {
	if p.bytes, err = os.ReadFile(path); err != nil {
		return p, err
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return p, err
	}
	if p.bom, err = s.bom(info); err != nil {
		return p, err
	}
	p.copyright, err = s.copyright(ctx, info)
	return p, err
}

// copyright is Usher's licence and those of the modules linked into it, as
// their authors ask for: each file as it is.
func (s source) copyright(ctx context.Context, info *debug.BuildInfo) ([]byte, error) {
	licence, err := os.ReadFile(s.file("LICENSE"))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "Usher %s\n\n%s", s.version, licence)
	args := []string{"list", "-m", "-f", "{{.Path}}\t{{.Dir}}"}
	for _, m := range info.Deps {
		args = append(args, m.Path)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.root
	cmd.Stderr = os.Stderr
	listed, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	dirs := map[string]string{}
	for line := range strings.Lines(string(listed)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		dirs[path] = dir
	}
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	modules := append([]*debug.Module{{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}}, info.Deps...)
	dirs["std"] = strings.TrimSpace(string(goroot))
	for _, m := range modules {
		files, err := licences(dirs[m.Path])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "\n%s\n%s %s, %s\n\n%s\n", strings.Repeat("-", 78), m.Path, m.Version, filepath.Base(file), bytes.TrimSpace(text))
		}
	}
	return b.Bytes(), nil
}

// licences are the files of a module that say who may do what with it.
func licences(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		for _, prefix := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"} {
			if strings.HasPrefix(name, prefix) && e.Type().IsRegular() && !strings.HasSuffix(name, ".GO") {
				files = append(files, filepath.Join(dir, e.Name()))
				break
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no licence in %s", dir)
	}
	return files, nil
}
