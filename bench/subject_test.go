package bench

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// subject is a running server of boot files with all processes that have a
// part in its answers.
type subject struct {
	name    string
	address string
	pids    []int // each with its children
}

// start starts one of a subject's processes and ends it with the benchmark.
func start(b *testing.B, name string, args ...string) int {
	b.Helper()
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil && b.Failed() {
			text, _ := os.ReadFile(log.Name())
			b.Logf("%s: %v\n%s", name, err, text[max(0, len(text)-4000):])
		}
	})
	return cmd.Process.Pid
}

// answers waits until a URL answers with 200.
func answers(b *testing.B, url string) {
	b.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		resp, err := http.Get(url)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			b.Fatalf("%s does not answer: %v", url, err)
		}
	}
}

// family is the subject's processes with their children, now.
func (s *subject) family(b *testing.B) []int {
	b.Helper()
	all := append([]int{}, s.pids...)
	for i := 0; i < len(all); i++ {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", all[i]))
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				all = append(all, pid)
			}
		}
	}
	return all
}

// cpu is the user and system time of all processes until now.
func (s *subject) cpu(b *testing.B) time.Duration {
	b.Helper()
	const tick = 10 * time.Millisecond // USER_HZ
	var total time.Duration
	for _, pid := range s.family(b) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// After the name in parentheses: fields 14 to 17 of proc(5).
		fields := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
		for _, f := range fields[11:15] {
			n, _ := strconv.Atoi(f)
			total += time.Duration(n) * tick
		}
	}
	return total
}

// rss is the largest resident set among the subject's own processes, in MiB.
func (s *subject) rss(b *testing.B) float64 {
	b.Helper()
	var largest float64
	for _, pid := range s.pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			b.Fatal(err)
		}
		pages, _ := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
		largest = max(largest, pages*float64(os.Getpagesize())/(1<<20))
	}
	return largest
}

// port asks the kernel for a free one.
func port(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	_, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	return p
}
