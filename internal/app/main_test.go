package app

import (
	"os"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
