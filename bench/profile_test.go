package bench

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// What bench/profile passes on.
var (
	profileFlag  = flag.Int("profile", 0, "take CPU profiles of so many seconds instead of measuring")
	profilesFlag = flag.String("profiles", ".", "folder for them")
)

// profile loads a subject and meanwhile takes a CPU profile of each of its
// processes, at their operator's doors.
func profile(b *testing.B, s *subject, asked []load) {
	b.Helper()
	if !s.usher() {
		b.Fatalf("%s gives no profiles", s.name)
	}
	s.start(b)
	s.prepared(b)
	s.settle(b)
	d := time.Duration(*profileFlag) * time.Second
	for _, l := range asked {
		ask(b, s, l, time.Second) // warm
		var group errgroup.Group
		for _, p := range s.processes {
			file := filepath.Join(*profilesFlag, s.name+"-"+p.part+".pprof")
			group.Go(func() error {
				return save(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.admin, *profileFlag), file)
			})
		}
		ask(b, s, l, d+time.Second)
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

func save(url, file string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s\n%s", url, resp.Status, content)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}
