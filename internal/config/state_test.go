package config

import "testing"

func TestStatePath(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{"STATE_DIRECTORY=/srv/usher"}, "/srv/usher"},
		{[]string{"STATE_DIRECTORY=/srv/a:/srv/b", "XDG_STATE_HOME=/x"}, "/srv/a"},
		{[]string{"STATE_DIRECTORY=/srv/usher", "OS_DEFAULT__STATE_PATH=/mine"}, "/mine"},
	} {
		cfg, err := Load(Sources{Environ: c.env})
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Default.StatePath != c.want {
			t.Errorf("%q: state_path is %s, want %s", c.env, cfg.Default.StatePath, c.want)
		}
	}
}
