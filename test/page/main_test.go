// Package page looks at the operator's live page as a person does: the real
// program, seen by a real Chromium without a window.
package page

import (
	"os"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the real usher, built once.
var program string

func TestMain(m *testing.M) { os.Exit(testenv.MainWithProgram(m, &program)) }
