package config

import (
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-boot/usher/internal/redact"
)

// masked stands for a secret.
const masked = redact.Mask

// Setting is one option for people to read. Secrets are masked.
type Setting struct {
	Group, Name string
	Value       string
	Origin      string // "file:line", "environment OS_X__Y" or "default"
	Reloadable  bool
}

// Change is one option that differs between two configurations.
type Change struct {
	Group, Name string
	Old, New    string // secrets are masked
	Reloadable  bool   // takes effect without a restart
}

type setting struct {
	Setting
	plain string // unmasked, for Diff
}

func newSetting(o *option, r *result) setting {
	plain := display(o.into)
	shown := redact.Text(plain) // a URL or kernel parameters may hold one
	if r.tender && plain != "" {
		shown = o.mask(plain)
	}
	return setting{Setting{o.group, o.name, shown, r.origin, o.reload}, plain}
}

// Settings lists every option with its value and where that came from, in
// the order of docs/configuration.md.
func (c *Config) Settings() []Setting {
	list := make([]Setting, len(c.settings))
	for i, s := range c.settings {
		list[i] = s.Setting
	}
	return list
}

// Warnings lists what is probably not meant: options whose name looks like a
// slip, and deprecated names.
func (c *Config) Warnings() []string { return slices.Clone(c.warnings) }

// Diff lists the options whose values differ, wherever they come from.
func Diff(before, after *Config) []Change {
	var changes []Change
	for i, a := range after.settings {
		if b := before.settings[i]; a.plain != b.plain {
			changes = append(changes, Change{a.Group, a.Name, b.Value, a.Value, a.Reloadable})
		}
	}
	return changes
}

// Reload is what running's process has in force once it has read next: next,
// with all that takes a restart as running has it. Both stay as they are.
func Reload(running, next *Config) *Config {
	merged := *next
	merged.settings = slices.Clone(next.settings)
	kept := *running
	from := options(&kept)
	for i, o := range options(&merged) {
		if !o.reload {
			reflect.ValueOf(o.into).Elem().Set(reflect.ValueOf(from[i].into).Elem())
			merged.settings[i] = running.settings[i]
		}
	}
	return &merged
}

// display is a field's value as text that an oslo.config file could hold.
func display(field any) string {
	switch p := field.(type) {
	case *string:
		return *p
	case *bool:
		return strconv.FormatBool(*p)
	case **bool:
		if *p == nil {
			return ""
		}
		return strconv.FormatBool(**p)
	case *int:
		return strconv.Itoa(*p)
	case *fs.FileMode:
		if *p == 0 {
			return ""
		}
		return "0" + strconv.FormatUint(uint64(*p), 8)
	case *[]string:
		return strings.Join(*p, ",")
	case *map[string]string:
		pairs := slices.Sorted(maps.Keys(*p))
		for i, key := range pairs {
			pairs[i] = key + ":" + (*p)[key]
		}
		return strings.Join(pairs, ",")
	case *time.Duration:
		return strconv.FormatFloat(p.Seconds(), 'f', -1, 64)
	}
	return ""
}

// shownInQuery are options of a URL's query whose values are no secrets.
func shownInQuery() []string {
	return []string{"charset", "read_default_file", "read_default_group", "service", "ssl_ca", "ssl_capath", "ssl_cert", "ssl_key",
		"sslcert", "sslkey", "sslmode", "sslrootcert", "unix_socket"}
}

// mask hides a secret: all of it, or of a URL its password and, since drivers
// take passwords there too, the values of its query, apart from those that are
// known to be none.
func (o *option) mask(s string) string {
	if !o.url {
		return masked
	}
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		return masked
	}
	// The last @ ends the credentials: a password may hold one, and a ?.
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		if user, _, has := strings.Cut(rest[:at], ":"); has {
			rest = user + ":" + masked + rest[at:]
		}
	}
	rest, query, asked := strings.Cut(rest, "?")
	if asked {
		parts := strings.Split(query, "&")
		for i, part := range parts {
			if key, _, _ := strings.Cut(part, "="); !slices.Contains(shownInQuery(), key) {
				parts[i] = key + "=" + masked
			}
		}
		rest += "?" + strings.Join(parts, "&")
	}
	return scheme + "://" + rest
}
