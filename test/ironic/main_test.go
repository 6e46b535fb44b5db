package ironic

import (
	"flag"
	"os"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the usher that all tests run, built once.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	// A site mostly waits, for heartbeats that no longer come: all run at once.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(testenv.MainWithProgram(m, &program))
}
