package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Sources are what a Config is read from.
type Sources struct {
	Files   []string // --config-file, later ones win
	Dirs    []string // --config-dir: their *.conf, sorted, after Files
	Environ []string // as os.Environ gives it; OS_<GROUP>__<OPTION> wins over files
}

// Load reads the sources. Its error joins everything that is wrong with them,
// each with where it is, the option, the value and what is allowed.
func Load(src Sources) (*Config, error) {
	c := new(Config)
	l := newLoader(options(c), src.Environ)
	var errs []error
	files := slices.Clone(src.Files)
	for _, dir := range src.Dirs {
		found, err := confFiles(l.expandHome(dir))
		if err != nil {
			errs = append(errs, fmt.Errorf("read configuration folder: %w", err))
		}
		files = append(files, found...)
	}
	for _, name := range files {
		data, err := os.ReadFile(l.expandHome(name))
		if err != nil {
			errs = append(errs, fmt.Errorf("read configuration: %w", err))
			continue
		}
		errs = append(errs, l.add(name, data)...)
	}
	errs = append(errs, l.unknown()...)
	settings, more := l.all()
	if errs = append(errs, more...); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c.settings, c.warnings = settings, l.warnings
	return c, nil
}

// confFiles is glob("*.conf"), which sees no hidden files, sorted.
func confFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".conf") && e.Name()[0] != '.' {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil // ReadDir sorts
}

// store puts a value where its option's field is; None leaves the zero value.
func store(into, value any) {
	if value == nil {
		return
	}
	switch p := into.(type) {
	case *string:
		*p = value.(string)
	case *bool:
		*p = value.(bool)
	case **bool:
		b := value.(bool)
		*p = &b
	case *int:
		*p = value.(int)
	case *fs.FileMode:
		*p = fs.FileMode(value.(int))
	case *[]string:
		*p = slices.Clone(value.([]string))
	case *map[string]string:
		*p = maps.Clone(value.(map[string]string))
	case *time.Duration:
		if n, whole := value.(int); whole {
			*p = time.Duration(n) * time.Second
			return
		}
		*p = time.Duration(value.(float64) * float64(time.Second))
	}
}
