package ironic

import (
	"os"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the usher that all tests run, built once.
var program string

func TestMain(m *testing.M) { os.Exit(testenv.MainWithProgram(m, &program)) }
