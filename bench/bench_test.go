package bench

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the usher that is measured, built once.
var program string

// What bench/run passes on.
var (
	subjectsFlag = flag.String("subjects", "net-http,usher-sqlite,usher-mariadb,usher-postgres,usher-ironic",
		"what to measure; nginx is measured beside each")
	nodesFlag   = flag.String("nodes", "1000,10000,100000", "sizes of the inventory")
	loadsFlag   = flag.String("loads", "known/keep-alive,known/close,unknown/keep-alive,unknown/close", "ways of asking")
	runsFlag    = flag.Int("runs", 3, "measurements of each, and starts of each subject")
	secondsFlag = flag.Int("seconds", 2, "length of one measurement")
	// Many enough that requests meet, few enough that what one costs shows.
	connectionsFlag = flag.Int("connections", 16, "connections that are open at one time")

	idleFlag  = flag.Int("idle", 0, "seconds to watch each subject while nobody asks, in the largest inventory")
	quickFlag = flag.Bool("quick", false, "1,000 nodes, one second each")
	outFlag   = flag.String("out", "", "file for the results, as JSON")
	tableFlag = flag.String("table", "/dev/stdout", "file that the tables are appended to")
	docFlag   = flag.String("doc", "", "Markdown file to put the tables into, between its markers")
	bareFlag  = flag.String("bare", "", "be the bare net/http server at this address")
)

func TestMain(m *testing.M) {
	flag.Parse()
	switch {
	case *bareFlag != "":
		nodes, err := sizes()
		if err == nil {
			err = serveBare(*bareFlag, newFleet(nodes[0]))
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case flag.Lookup("test.bench").Value.String() == "":
		os.Exit(m.Run()) // the tables' tests need no usher
	}
	os.Exit(testenv.MainWithProgram(m, &program))
}

// kind is a subject that can be made.
type kind struct {
	name string
	make func(b *testing.B, f fleet) *subject
}

var kinds = []kind{
	{"nginx", newNginx}, // beside itself: what of a difference is noise
	{"net-http", newBare},
	{"usher-sqlite", newSQLite},
	{"usher-mariadb", newMariaDB},
	{"usher-postgres", newPostgreSQL},
	{"usher-ironic", newIronic},
}

func sizes() (all []int, err error) {
	for word := range strings.SplitSeq(*nodesFlag, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-nodes %q: not a number of nodes", word)
		}
		all = append(all, n)
	}
	return all, nil
}

// named checks that each of a flag's names is known, and picks those.
func named[T any](name, value string, all []T, nameOf func(T) string) (picked []T, err error) {
	words := strings.Split(value, ",")
	for _, w := range words {
		if !slices.ContainsFunc(all, func(t T) bool { return nameOf(t) == w }) {
			return nil, fmt.Errorf("-%s %q: not one of what can be measured", name, w)
		}
	}
	for _, t := range all {
		if slices.Contains(words, nameOf(t)) {
			picked = append(picked, t)
		}
	}
	return picked, nil
}

// BenchmarkMachinesDoor asks each subject for boot files and reports what
// that costs; bench/run runs it. It measures more than its N says.
func BenchmarkMachinesDoor(b *testing.B) {
	if *quickFlag {
		*nodesFlag, *secondsFlag = "1000", 1
	}
	all, err := sizes()
	if err != nil {
		b.Fatal(err)
	}
	asked, err := named("loads", *loadsFlag, loads(), func(l load) string { return l.name })
	if err != nil {
		b.Fatal(err)
	}
	chosen, err := named("subjects", *subjectsFlag, kinds, func(k kind) string { return k.name })
	if err != nil {
		b.Fatal(err)
	}
	if len(chosen) > 1 && chosen[0].name == "nginx" { // it is measured beside the others anyway
		chosen = chosen[1:]
	}
	r := &Report{Date: time.Now().UTC().Truncate(time.Second), Commit: commit(), Machine: machine(),
		Settings: Settings{Runs: *runsFlag, Seconds: float64(*secondsFlag), Connections: *connectionsFlag, Idle: float64(*idleFlag)}}
	for _, nodes := range all {
		f := newFleet(nodes)
		reference := newNginx(b, f)
		reference.start(b)
		for _, kind := range chosen {
			b.Run(fmt.Sprintf("%s/nodes=%d", kind.name, nodes), func(b *testing.B) {
				began := time.Now()
				s := kind.make(b, f)
				s.name = kind.name
				tell(s, "made", began)
				if *profileFlag > 0 {
					profile(b, s, asked)
					return
				}
				measure(b, r, reference, s, asked, all)
			})
		}
		reference.stop()
	}
	b.ReportMetric(0, "ns/op") // of no use here: leaves the column out
	if *profileFlag > 0 {
		return
	}
	if b.Failed() {
		*docFlag = "" // which is to have all of it
	}
	if err := publish(r); err != nil {
		b.Fatal(err)
	}
}

// tell says how far it has come.
func tell(s *subject, what string, since time.Time) {
	fmt.Fprintf(os.Stderr, "%-15s %6d nodes  %s after %.0f s\n", s.name, s.fleet.nodes, what, time.Since(since).Seconds())
}

// measure starts a subject, watches it at rest, and asks it in each way.
func measure(b *testing.B, r *Report, nginx, s *subject, asked []load, all []int) {
	start := Start{Subject: s.name, Nodes: s.fleet.nodes, Waiting: s.fleet.waiting}
	began := time.Now()
	for range r.Settings.Runs {
		s.stop()
		start.ReadyMS = append(start.ReadyMS, float64(s.start(b).Microseconds())/1000)
	}
	s.prepared(b)
	tell(s, "started, and each waiting node has been answered", began)
	s.settle(b)
	tell(s, "at rest", began)
	if *idleFlag > 0 && s.usher() && s.fleet.nodes == slices.Max(all) {
		start.Idle = s.idle(time.Duration(*idleFlag) * time.Second)
	}
	start.IdleMiB = s.memory("VmRSS")

	each := time.Duration(*secondsFlag) * time.Second
	half := max(each/2, time.Second).Truncate(time.Second) // is enough for nginx, which is looked at twice
	ask(b, nginx, asked[0], time.Second)
	for _, l := range asked {
		ask(b, s, l, time.Second) // warm
		result := Load{Subject: s.name, Nodes: s.fleet.nodes, Load: l.name}
		before, _ := ask(b, nginx, l, half)
		for range r.Settings.Runs {
			var sample Sample
			sample.Before = before
			sample.Measured, sample.Parts = ask(b, s, l, each)
			sample.After, _ = ask(b, nginx, l, half)
			before = sample.After
			result.Samples = append(result.Samples, sample)
			fmt.Fprintf(os.Stderr, "%-15s %6d nodes  %-19s %7.1f us  %5.2f x nginx (%.1f us)  %6.0f/s  others %.2f cores\n",
				s.name, s.fleet.nodes, l.name, sample.CPU, sample.Ratio(), sample.After.CPU, sample.Rate, sample.Others)
		}
		r.Loads = append(r.Loads, result)
	}
	start.AfterMiB, start.PeakMiB = s.memory("VmRSS"), s.memory("VmHWM")
	r.Starts = append(r.Starts, start)
	b.ReportMetric(0, "ns/op")
}

// publish writes the results to where the flags say.
func publish(r *Report) error {
	if *outFlag != "" {
		if err := r.Write(*outFlag); err != nil {
			return err
		}
	}
	if *docFlag != "" {
		if err := r.Into(*docFlag); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(*tableFlag, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(r.Markdown())
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
