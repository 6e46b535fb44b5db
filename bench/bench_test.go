// Package bench measures what a boot request costs, by whole processes: CPU
// time of all of them for each answer, next to nginx serving the same file in
// the same run. bench/run is the command; its output is benchstat's input.
package bench

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the usher that is measured, built once.
var program string

func TestMain(m *testing.M) { os.Exit(testenv.MainWithProgram(m, &program)) }

// waiting is how many of the nodes wait for a ramdisk and are asked for; the
// others make the tables as large as they are.
const waiting = 1000

// BenchmarkDoor asks each subject for boot files and reports, for each
// answer, the CPU time of all processes involved ("cpu-us/answer"), the same
// as a ratio to nginx measured right before ("x-nginx"), and what wrk saw.
func BenchmarkDoor(b *testing.B) {
	for _, s := range []struct {
		name  string
		start func(b *testing.B, nodes int) *subject
	}{
		{"net-http", startBare},
		{"usher-sqlite", startSQLite},
		{"usher-mariadb", func(b *testing.B, n int) *subject { return startShared(b, n, testenv.NewMariaDB(b)) }},
		{"usher-postgres", func(b *testing.B, n int) *subject { return startShared(b, n, testenv.NewPostgreSQL(b)) }},
	} {
		b.Run(s.name, func(b *testing.B) {
			for _, nodes := range []int{1000, 10_000, 100_000} {
				b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
					nginx := startNginx(b)
					subject := s.start(b, nodes)
					for _, l := range loads() {
						b.Run(l.name, func(b *testing.B) { compare(b, nginx, subject, l) })
					}
				})
			}
		})
	}
}

// load is one way of asking.
type load struct {
	name    string
	unknown bool // MACs that nobody has, as the loop over NICs asks for
	close   bool // one connection for each request
}

func loads() []load {
	return []load{
		{name: "known/keep-alive"}, {name: "known/close", close: true},
		{name: "unknown/keep-alive", unknown: true}, {name: "unknown/close", unknown: true, close: true},
	}
}

// compare measures the reference and the subject in turn.
func compare(b *testing.B, nginx, subject *subject, l load) {
	const each = 4 * time.Second
	ask(b, subject, l, time.Second) // warm
	for b.Loop() {
		reference := ask(b, nginx, l, each)
		got := ask(b, subject, l, each)
		b.ReportMetric(got.cpu, "cpu-us/answer")
		b.ReportMetric(got.cpu/reference.cpu, "x-nginx")
		b.ReportMetric(got.rate, "req/s")
		b.ReportMetric(got.p50, "p50-us")
		b.ReportMetric(got.p99, "p99-us")
		b.ReportMetric(subject.rss(b), "rss-MiB")
		b.ReportMetric(0, "ns/op") // of no use here: leaves the column out
	}
}
