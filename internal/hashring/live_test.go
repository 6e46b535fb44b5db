package hashring_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/usher-boot/usher/internal/hashring"
	"github.com/usher-boot/usher/internal/testenv"
)

// TestLiveTooz asks the installed tooz about hosts and keys that nobody chose.
func TestLiveTooz(t *testing.T) {
	t.Parallel()
	python := testenv.NeedProgram(t, "/usr/bin/python3")[0]

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	letters := []rune("abcdefghijklmnopqrstuvwxyz0123456789.-:[]_ éß漢🖥\u0301")
	name := func(longest int) string {
		s := make([]rune, 1+rnd.IntN(longest))
		for i := range s {
			s[i] = letters[rnd.IntN(len(letters))]
		}
		return string(s)
	}
	var questions []question
	for _, algorithm := range hashring.Algorithms() {
		for range 6 {
			q := question{Algorithm: algorithm, Exponent: rnd.IntN(9)}
			q.Name = fmt.Sprintf("%s exponent %d", algorithm, q.Exponent)
			for i := range 1 + rnd.IntN(9) {
				// Unique, and none a repetition of another.
				q.Hosts = append(q.Hosts, fmt.Sprintf("%s#%d", name(60), i))
			}
			for range 25 {
				q.Keys = append(q.Keys, name(80))
			}
			questions = append(questions, q)
		}
	}
	in, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/tooz_owners.py")
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tooz_owners.py: %v\n%s", err, &stderr)
	}
	var answers []question
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	for _, q := range answers {
		check(t, q)
	}
}
