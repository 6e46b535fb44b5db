package storm

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// most is how many machines power on at a time: all of a site of this size, a
// tenth of one of 100,000.
const most = 10_000

var (
	table = flag.String("table", "", "write BenchmarkCapacity's table, in Markdown, to this `file`")
	nics  = flag.Int("nics", 4, "NICs of each machine of BenchmarkCapacity")
)

// BenchmarkCapacity plays storms at sites of several sizes and tells what
// each took, as a row of a table.
func BenchmarkCapacity(b *testing.B) {
	testenv.NeedProgram(b, "mariadbd")
	out := os.Stdout
	if *table != "" {
		file, err := os.Create(*table)
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		out = file
	}
	fmt.Fprintln(out, "| site | prepared after | power on | all have theirs after | boot file p50 / p99 | power-on to boot file p50 / p99 | "+
		"told to come again, rounds, no answer | CPU time per machine | memory at most | database | on a conductor's disk |")
	fmt.Fprintln(out, "|"+strings.Repeat(" --- |", 11))
	for _, size := range []struct {
		name    string
		alone   bool
		nodes   int
		waiting int
	}{
		{"alone=1000", true, 1000, 1000}, {"nodes=1000", false, 1000, 1000},
		{"nodes=10000", false, 10_000, 10_000}, {"nodes=100000", false, 100_000, 10_000},
	} {
		for _, within := range []time.Duration{time.Duration(size.waiting) * time.Minute / most, 0} {
			b.Run(fmt.Sprintf("%s/within=%v", size.name, within), func(b *testing.B) {
				for b.Loop() {
					title := fmt.Sprintf("%d nodes, API, %d conductors, MariaDB", size.nodes, conductors)
					build := func() (*site, time.Duration) {
						return newSite(b, testenv.NewMariaDB(b), settings{nodes: size.nodes, waiting: size.waiting})
					}
					if size.alone {
						title = fmt.Sprintf("%d nodes, `usher serve`, SQLite", size.nodes)
						build = func() (*site, time.Duration) { return newAlone(b, settings{nodes: size.nodes}) }
					}
					if _, err := fmt.Fprintln(out, row(b, title, build, size.waiting, within)); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(0, "ns/op") // of no use here: leaves the column out
			})
		}
	}
}

// row plays one storm at a site of its own.
func row(b *testing.B, title string, build func() (*site, time.Duration), waiting int, within time.Duration) string {
	st, took := build()
	before := st.costs()
	var preparing time.Duration
	for _, c := range before {
		preparing += c.cpu
	}
	b.Logf("%d nodes prepared in %v, %.1f ms of CPU time each", waiting, took.Round(time.Millisecond), millis(preparing)/float64(waiting))
	args, on := []string{"--nics", fmt.Sprint(*nics)}, fmt.Sprintf("%d at once", waiting)
	if within > 0 {
		args, on = append(args, "--within", within.String()), fmt.Sprintf("%d within %v", waiting, within)
	}
	r, code, used := st.storm(10*time.Minute, args...)
	if code != 0 {
		b.Errorf("exit code %d: %+v", code, r)
	}
	after := st.costs()
	b.Logf("usher storm used %.2f s of CPU time; %s", used.Seconds(), describe(before, after))

	// The conductors' CPU time together, and the memory of the largest.
	var names []string
	cpu, memory := map[string]float64{}, map[string]float64{}
	for _, process := range slices.Sorted(maps.Keys(after)) {
		kind, _, _ := strings.Cut(process, "-")
		if cpu[kind] == 0 && memory[kind] == 0 {
			names = append(names, kind)
		}
		cpu[kind] += float64((after[process].cpu - before[process].cpu).Microseconds()) / float64(waiting)
		memory[kind] = max(memory[kind], after[process].top)
	}
	list := func(of map[string]float64, unit string) string {
		var parts []string
		for _, name := range names {
			parts = append(parts, fmt.Sprintf("%s %.0f %s", name, of[name], unit))
		}
		return strings.Join(parts, ", ")
	}
	files, bytes := disk(b, st.roots[0])
	return fmt.Sprintf("| %s | %.0f s | %s | %.1f s | %.1f / %.1f ms | %.1f / %.1f ms | %d, %d, %d | %s | %s | %s | %.0f MiB, %d files |",
		title, took.Seconds(), on, r.AllAfter/1000, r.BootFile.P50, r.BootFile.P99, r.First.P50, r.First.P99,
		r.Retries, r.Rounds, sum(r.Failures), list(cpu, "µs"), list(memory, "MiB"), st.size(), float64(bytes)/(1<<20), files)
}

// size is how large the database is, and how many connections there were.
func (st *site) size() string {
	if st.server == nil {
		return fmt.Sprintf("%.0f MiB", st.number("SELECT page_count * page_size / 1048576.0 FROM pragma_page_count, pragma_page_size"))
	}
	const bytes = "SELECT SUM(data_length + index_length) / 1048576 FROM information_schema.tables WHERE table_schema = DATABASE()"
	return fmt.Sprintf("%.0f MiB, %.0f connections", st.number(bytes), st.status("Max_used_connections"))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

// status is a number of the database server's own.
func (st *site) status(name string) (n float64) {
	st.tb.Helper()
	var label string
	if err := st.db.QueryRowContext(st.tb.Context(), "SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(&label, &n); err != nil {
		st.tb.Fatal(err)
	}
	return n
}

// disk is what a conductor has below its state_path, each inode once.
func disk(tb testing.TB, root string) (files int, bytes int64) {
	tb.Helper()
	seen := map[uint64]bool{}
	err := filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s := info.Sys().(*syscall.Stat_t)
		if !seen[s.Ino] {
			seen[s.Ino] = true
			files++
			bytes += s.Blocks * 512
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return files, bytes
}
