// Package cluster runs the real program as several conductors and APIs on a
// real database, takes its parts away one after the other under constant
// load, and looks at every answer that machines get.
package cluster

import (
	"os"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the usher that all tests run, built once.
var program string

func TestMain(m *testing.M) { os.Exit(testenv.MainWithProgram(m, &program)) }
