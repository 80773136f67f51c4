package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of processor time in Linux's /proc (USER_HZ).
const tick = 10 * time.Millisecond

// stat are the fields of /proc/PID/stat behind the name, which may contain anything.
func stat(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("processor time (it is read from Linux's /proc): %w", err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 15 {
		return nil, fmt.Errorf("processor time: %q", b)
	}
	return fields, nil
}

// ticks adds fields of stat up.
func ticks(fields []string) (sum time.Duration, err error) {
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("processor time: %w", err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// children are the processes that a process has started and that haven't ended.
func children(pid int) ([]int, error) {
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []int
	for _, dir := range all {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if fields, err := stat(child); err == nil && fields[1] == strconv.Itoa(pid) { // it may have ended meanwhile
			found = append(found, child)
		}
	}
	return found, nil
}

// ProcessorTime is what a process has used, with its living children and those that it has waited for.
func ProcessorTime(pid int) (time.Duration, error) {
	below, err := children(pid)
	if err != nil {
		return 0, err
	}
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	sum, err := ticks(fields[11:15]) // user, system, and the same of children that have ended
	if err != nil {
		return 0, err
	}
	for _, child := range below {
		fields, err := stat(child)
		if errors.Is(err, os.ErrNotExist) {
			continue // it ended this moment; PostgreSQL's end seldom
		}
		if err != nil {
			return 0, err
		}
		used, err := ticks(fields[11:15])
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// OwnProcessorTime is what this process has used.
func OwnProcessorTime() (time.Duration, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0, fmt.Errorf("own processor time: %w", err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), nil
}

// MachineTime is what all processes of the machine have used together.
func MachineTime() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("processor time of the machine: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	if len(fields) < 8 {
		return 0, fmt.Errorf("processor time of the machine: %q", line)
	}
	return ticks(append(fields[1:4:4], fields[6:8]...)) // without idle, and waiting for disks
}

// RSS is what a process alone has in memory, in bytes.
func RSS(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("memory (it is read from Linux's /proc): %w", err)
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, fmt.Errorf("memory: %q", b)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("memory: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}

// PSS is what a process and its children hold: pages that several share are divided among them. In bytes.
func PSS(pid int) (size int64, err error) {
	below, err := children(pid)
	if err != nil {
		return 0, err
	}
	for _, pid := range append(below, pid) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return 0, fmt.Errorf("memory: %w", err)
		}
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
				if err != nil {
					return 0, fmt.Errorf("memory: %w", err)
				}
				size += kilobytes << 10
			}
		}
	}
	return size, nil
}

// FineProcessorTime is what a process's threads have used since they began, to the nanosecond: for what is less than a few of the ticks that ProcessorTime counts in.
// Threads that have ended are missing; Go keeps its own.
func FineProcessorTime(pid int) (sum time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("processor time of threads of %d: none found (%w)", pid, err)
	}
	for _, file := range threads {
		b, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it ended this moment
		}
		if err != nil {
			return 0, fmt.Errorf("processor time of threads: %w", err)
		}
		ran, _, _ := strings.Cut(string(b), " ")
		n, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("processor time of threads: %w", err)
		}
		sum += time.Duration(n)
	}
	return sum, nil
}
