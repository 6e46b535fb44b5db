package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of times in /proc: USER_HZ.
const tick = 10 * time.Millisecond

// cpuOf is the CPU time that a process and its children have used until now.
// The processes' own clocks count in nanoseconds and keep what threads used
// that have ended since; of children that have ended /proc tells, in ticks.
func cpuOf(pid int) (used time.Duration) {
	for _, p := range family(pid) {
		used += clock(p)
		fields := stat(p)
		if len(fields) > 14 {
			for _, f := range fields[13:15] { // cutime and cstime
				n, _ := strconv.Atoi(f)
				used += time.Duration(n) * tick
			}
		}
	}
	return used
}

// clock reads another process's CPU clock: clock_getcpuclockid(3).
func clock(pid int) time.Duration {
	const schedClock = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|schedClock, &t); err != nil {
		return 0 // it has ended
	}
	return time.Duration(t.Nano())
}

// stat is the fields of /proc/<pid>/stat from the state on.
func stat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
}

// family is a process with its children, now.
func family(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", all[i]))
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// memory is a line of /proc/<pid>/status in MiB, such as VmRSS, of the
// largest process of a family.
func memory(pid int, line string) (largest float64) {
	for _, p := range family(pid) {
		largest = max(largest, float64(status(fmt.Sprintf("/proc/%d/status", p), line))/1024)
	}
	return largest
}

// switches is how often the threads of a process have gone to sleep.
func switches(pid int) (n int) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, thread := range threads {
		n += status(thread, "voluntary_ctxt_switches")
	}
	return n
}

func status(file, line string) int {
	text, _ := os.ReadFile(file)
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	return 0
}

// busy is the time that all processors together were not idle, with what the
// hypervisor took.
func busy() (used time.Duration) {
	text, _ := os.ReadFile("/proc/stat")
	fields := strings.Fields(strings.SplitN(string(text), "\n", 2)[0])
	for i, f := range fields {
		// After "cpu": user, nice, system, idle, iowait, irq, softirq, steal;
		// what follows is counted in user already.
		if i == 0 || i == 4 || i == 5 || i > 8 {
			continue
		}
		n, _ := strconv.Atoi(f)
		used += time.Duration(n) * tick
	}
	return used
}

// self is what this process itself has used.
func self() time.Duration { return clock(os.Getpid()) }
