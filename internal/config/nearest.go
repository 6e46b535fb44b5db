package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

// neighbours are options of Ironic's that Usher does not read and whose names
// are so near to ones it does that they would pass for a slip of the finger.
func neighbours() []id {
	return []id{
		{"DEFAULT", "default_bios_interface"},
		{"DEFAULT", "enabled_bios_interfaces"},
	}
}

// unknown refuses options of [usher] that there are not: nobody else reads
// that group. Elsewhere Ironic has many more options than Usher, so that only
// names which look like a slip are worth a warning.
func (l *loader) unknown() []error {
	var errs []error
	refuse := func(origin string, name id) {
		errs = append(errs, usher.Errorf(usher.ErrInvalid,
			"%s: there is no option %s; the nearest is %s", origin, name, l.nearest(name)))
	}
	for _, f := range l.files {
		strayed := false
		for _, e := range f.entries {
			name, origin := id{e.group, e.name}, fmt.Sprintf("%s:%d", f.name, e.line)
			switch {
			case e.group == "default" && !strayed:
				strayed = true
				l.warn("%s: the section is not [DEFAULT], in capitals: it is ignored", origin)
			case l.registered(name) || slices.Contains(neighbours(), name):
			case e.group == "usher":
				refuse(origin, name)
			default:
				if known := l.nearest(name); known.name != "" && likely(name.name, known.name) {
					l.warn("%s: %s is ignored; is %s meant?", origin, name, known)
				}
			}
		}
	}
	var variables []string
	for variable := range l.env {
		if strings.HasPrefix(variable, "OS_USHER__") {
			variables = append(variables, variable)
		}
	}
	slices.Sort(variables)
	for _, variable := range variables {
		name := id{"usher", strings.ToLower(strings.TrimPrefix(variable, "OS_USHER__"))}
		if !l.registered(name) || envName(name) != variable {
			refuse("environment "+variable, name)
		}
	}
	return errs
}

func (l *loader) registered(name id) bool {
	return slices.ContainsFunc(l.table, func(o option) bool {
		return o.id == name || slices.Contains(o.oldIDs(), name)
	})
}

// nearest is the option of the same group whose name is nearest.
func (l *loader) nearest(name id) id {
	var best id
	least := 0
	for _, o := range l.table {
		if o.group != name.group {
			continue
		}
		if d := distance(name.name, o.name); best.name == "" || d < least {
			best, least = o.id, d
		}
	}
	return best
}

// likely says whether name is a slip for known: one or two letters, but one
// only in short names, where two make another word (host, port).
func likely(name, known string) bool {
	d := distance(name, known)
	return d <= 1 || d == 2 && len(known) >= 8
}

// distance is the number of letters to insert, delete, replace, or swap with
// their neighbour to make b of a. Names over 100 letters are just far.
func distance(a, b string) int {
	if len(a) > 100 {
		return len(a)
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
