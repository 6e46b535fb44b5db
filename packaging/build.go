package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// build makes everything of a source and returns the names of the files in
// out.
func build(ctx context.Context, src source, out string, arches []string) (names []string, err error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "usher-packaging-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)

	programs := map[string]string{}
	for _, arch := range arches {
		if programs[arch], err = src.compile(ctx, work, "linux", arch); err != nil {
			return nil, err
		}
	}
	host := programs[runtime.GOARCH]
	if runtime.GOOS != "linux" || host == "" {
		if host, err = src.compile(ctx, work, runtime.GOOS, runtime.GOARCH); err != nil {
			return nil, err
		}
	}
	said, err := speak(ctx, host, work)
	if err != nil {
		return nil, err
	}
	image := newImage(src)
	for _, arch := range slices.Sorted(slices.Values(arches)) {
		program, err := src.describeProgram(ctx, programs[arch])
		if err != nil {
			return names, err
		}
		name := fmt.Sprintf("usher_%s_%s.deb", src.debianVersion(), arch)
		if err := src.writeDeb(filepath.Join(out, name), arch, program, said); err != nil {
			return names, fmt.Errorf("%s: %w", name, err)
		}
		names = append(names, name)
		if err := image.add(arch, program); err != nil {
			return names, err
		}
	}
	name := fmt.Sprintf("usher_%s_oci.tar", src.version)
	if err := image.write(filepath.Join(out, name)); err != nil {
		return names, fmt.Errorf("%s: %w", name, err)
	}
	return append(names, name), nil
}

// compile builds the program, static and with nothing in it of the machine
// that built it.
func (s source) compile(ctx context.Context, work, system, arch string) (string, error) {
	path := filepath.Join(work, "usher-"+system+"-"+arch)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid= -X github.com/usher-boot/usher/internal/cli.stamped="+s.version+
			" -X github.com/usher-boot/usher/internal/cli.stampedCommit="+s.revision, "-o", path, "./cmd/usher")
	cmd.Dir = s.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch,
		// Of what the environment may say, this would be in the bytes.
		"GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOWORK=off")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build for %s on %s: %w", system, arch, err)
	}
	return path, nil
}

// speech is what the program says of itself.
type speech struct {
	manual      map[string][]byte // pages by name
	completions map[string][]byte // scripts by shell
}

func speak(ctx context.Context, program, work string) (speech, error) {
	s := speech{manual: map[string][]byte{}, completions: map[string][]byte{}}
	dir := filepath.Join(work, "man")
	if _, err := output(ctx, program, "manual", dir); err != nil {
		return s, err
	}
	pages, err := os.ReadDir(dir)
	if err != nil {
		return s, err
	}
	for _, page := range pages {
		if s.manual[page.Name()], err = os.ReadFile(filepath.Join(dir, page.Name())); err != nil {
			return s, err
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if s.completions[shell], err = output(ctx, program, "completion", shell); err != nil {
			return s, err
		}
	}
	return s, nil
}

func output(ctx context.Context, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = os.Environ()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, stderr.Bytes())
	}
	return stdout.Bytes(), nil
}
