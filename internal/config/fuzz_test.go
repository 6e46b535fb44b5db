package config

import (
	"regexp"
	"testing"
)

// FuzzLoad: any bytes end in values, or in errors that each name a line.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"[DEFAULT]\nhost = ${my_ip}\n  more\n[usher]\nrpc_addresses = a:'b,c',d:e\n",
		"[pxe]\nfile_permission = 0o7\nloader_file_paths=a:\"\n[conductor]\nfile_url_allowed_paths=//a,b\n",
		"[x]\na=$b$b\nb=${x.a}$x.c\nc=$$\\$$ \n[deploy]\nhttp_root = ${x.a}${x.b}\n",
		"[\n]\r=\r\n \xff:\n[usher]\nz=1",
	} {
		f.Add([]byte(seed))
	}
	located := regexp.MustCompile(`^f:[1-9][0-9]*: `)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := new(Config)
		l := newLoader(options(c), []string{"HOME=/h"})
		errs := l.add("f", data)
		errs = append(errs, l.unknown()...)
		settings, more := l.all()
		for _, err := range append(errs, more...) {
			if !located.MatchString(err.Error()) {
				t.Errorf("the error names no line: %v\n%q", err, data)
			}
		}
		if len(settings)+len(more) < len(options(c)) && len(more) == 0 {
			t.Errorf("%d settings, no errors", len(settings))
		}
	})
}
