// Package telemetry runs the real program and holds what it tells of itself
// against those who read it: the alert rules and the dashboard of contrib/
// against its metrics, with Prometheus's own promtool, and its traces against
// a collector.
package telemetry

import (
	"os"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the usher that all tests run, built once.
var program string

func TestMain(m *testing.M) { os.Exit(testenv.MainWithProgram(m, &program)) }
