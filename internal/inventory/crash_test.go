package inventory

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// writerVariable makes the test binary a writer of the database that it
// names, see TestMain.
const writerVariable = "USHER_TEST_WRITER"

func TestMain(m *testing.M) {
	if url := os.Getenv(writerVariable); url != "" {
		if err := writeForEver(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(testenv.Main(m))
}

// writeForEver creates nodes with a port each, changes them, and says so once
// each is committed.
func writeForEver(url string) error {
	ctx := context.Background()
	s, err := OpenStore(ctx, Options{URL: url})
	if err != nil {
		return err
	}
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	for more := true; more; {
		if more, err = s.keepRows(ctx); err != nil {
			return err
		}
	}
	if _, err := s.ReleaseReservations(ctx, "writer"); err != nil {
		return err
	}
	for i := rand.Uint32(); ; i++ {
		n := &usher.Node{Name: fmt.Sprintf("n%d", i)}
		if err := s.CreateNode(ctx, n); err != nil {
			return err
		}
		fmt.Println("node", n.UUID)
		mac := usher.MAC{2, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
		if err := s.CreatePort(ctx, &usher.Port{NodeUUID: n.UUID, Address: mac, PXEEnabled: true}); err != nil {
			return err
		}
		fmt.Println("port", mac)
		if _, err := s.ReserveNode(ctx, n.UUID, "writer"); err != nil {
			return err
		}
		_, err := s.UpdateNode(ctx, n.UUID, "writer", func(n *usher.Node) error {
			n.ProvisionState, n.Extra["pad"] = usher.DeployWait, strings.Repeat("x", rand.N(4<<20)) // many pages: a kill falls inside COMMIT
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Println("changed", n.UUID)
	}
}

// TestKill kills a writing process at random moments and looks for each write
// that it had told of, and for damage. The next process knows what the last
// one wrote.
func TestKill(t *testing.T) {
	file := filepath.Join(t.TempDir(), "usher.sqlite")
	url := "sqlite:///" + file
	told := 0
	var lines []string
	for round := range 12 {
		lines = append(lines, writeAndKill(t, url, 6+rand.N(20))...)
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		var check string
		err = db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check)
		if closeErr := db.Close(); err != nil || closeErr != nil || check != "ok" {
			t.Fatalf("round %d: integrity %q, %v, %v", round, check, err, closeErr)
		}
		s := openClosing(t, url)
		for _, line := range lines[told:] {
			what, key, _ := strings.Cut(line, " ")
			switch what {
			case "node":
				_, err = s.Node(t.Context(), key)
			case "port":
				var p *usher.Port
				if p, err = s.PortByAddress(t.Context(), parseMAC(t, key)); err == nil {
					if r, known, _ := s.rows.cache.find(p.Address); !known || r == nil || r.node().UUID != p.NodeUUID {
						err = fmt.Errorf("is %+v in memory, known %v", r, known)
					}
				}
			case "changed":
				var n *usher.Node
				if n, err = s.Node(t.Context(), key); err == nil && n.ProvisionState != usher.DeployWait {
					err = fmt.Errorf("is %s", n.ProvisionState)
				}
			}
			if err != nil {
				t.Fatalf("round %d: %s was told to be written: %v", round, line, err)
			}
		}
		if len(lines) == told {
			t.Fatalf("round %d wrote nothing", round)
		}
		told = len(lines)
		closeStore(t, s)
	}
	t.Logf("%d writes survived 12 kills", told)
}

// writeAndKill lets a child write until it told of some writes, kills it a
// moment later, and returns everything it told.
func writeAndKill(t *testing.T, url string, some int) (lines []string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), writerVariable+"="+url)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(time.Hour, func() { _ = cmd.Process.Kill() })
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
		if len(lines) == some {
			kill.Reset(rand.N(80 * time.Millisecond)) // anywhere inside a transaction
		}
	}
	kill.Stop()
	_ = cmd.Wait() // killed
	if len(lines) < some {
		t.Fatalf("the writer ended by itself: %s", problems.String())
	}
	return lines
}

// TestPrivateFiles wants the database readable by nobody else.
func TestPrivateFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "odd #%41 name", "state")
	s := openStore(t, "sqlite:///"+filepath.Join(dir, "usher.sqlite"))
	createNode(t, s, "n")
	for name, want := range map[string]os.FileMode{
		"": 0o700, "usher.sqlite": 0o600, "usher.sqlite-wal": 0o600, "usher.sqlite-shm": 0o600, "usher.sqlite.lock": 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v, want %v", name, info, err, want)
		}
	}
}
