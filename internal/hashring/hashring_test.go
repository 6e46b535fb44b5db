package hashring_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/hashring"
)

func readJSON(t *testing.T, file string, v any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestToozVectors(t *testing.T) {
	t.Parallel()
	var golden struct {
		Keys    []string
		Vectors []struct {
			Name      string
			Hosts     []string
			Exponent  int `json:"partition_exponent"`
			Algorithm string
			Expected  []int
		}
	}
	readJSON(t, "testdata/ringvectors.json", &golden)
	algorithms := map[string]bool{}
	for _, v := range golden.Vectors {
		algorithms[v.Algorithm] = true
		r, err := hashring.New(v.Algorithm, v.Exponent, v.Hosts)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		for i, key := range golden.Keys {
			want := v.Hosts[v.Expected[i]]
			if got := r.Owners(key); got[0] != want || len(got) != len(v.Hosts) {
				t.Errorf("%s: Owners(%s) = %q, want %s first of %d", v.Name, key, got, want, len(v.Hosts))
			}
			if got, ok := r.Owner(key); got != want || !ok {
				t.Errorf("%s: Owner(%s) = %q, %t, want %q", v.Name, key, got, ok, want)
			}
		}
	}
	if len(golden.Vectors) != 80 || len(algorithms) != len(hashring.Algorithms()) {
		t.Errorf("%d vectors with %d algorithms, want 80 with %d", len(golden.Vectors), len(algorithms),
			len(hashring.Algorithms()))
	}
}

// question is one entry of testdata/tooz_owners.py.
type question struct {
	Name      string   `json:"name"`
	Algorithm string   `json:"algorithm"`
	Exponent  int      `json:"exponent"`
	Hosts     []string `json:"hosts"`
	Keys      []string `json:"keys"`
	Owners    [][]int  `json:"owners"`
}

// check compares the whole order of hosts with tooz's answers.
func check(t *testing.T, q question) {
	t.Helper()
	r, err := hashring.New(q.Algorithm, q.Exponent, q.Hosts)
	if err != nil {
		t.Errorf("%s: %v", q.Name, err)
		return
	}
	for i, key := range q.Keys {
		want := make([]string, len(q.Owners[i]))
		for j, host := range q.Owners[i] {
			want[j] = q.Hosts[host]
		}
		if diff := cmp.Diff(want, r.Owners(key)); diff != "" {
			t.Errorf("%s: Owners(%.40q) (-tooz +usher):\n%s", q.Name, key, diff)
		}
	}
}

func TestToozOwners(t *testing.T) {
	t.Parallel()
	var golden []question
	readJSON(t, "testdata/owners.json", &golden)
	if want := len(hashring.Algorithms()) * 15; len(golden) != want {
		t.Errorf("%d vectors, want %d", len(golden), want)
	}
	for _, q := range golden {
		check(t, q)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		algorithm string
		exponent  int
		want      string
	}{
		{"shake_128", 5, "hash_ring_algorithm = shake_128: its digest has no fixed length, so no ring can be built " +
			"with it (Ironic accepts the option and then fails too); want one of blake2b, blake2s, md5, sha1, " +
			"sha224, sha256, sha384, sha3_224, sha3_256, sha3_384, sha3_512, sha512"},
		{"crc32", 5, `hash_ring_algorithm = "crc32": want one of blake2b, blake2s, md5, sha1, ` +
			"sha224, sha256, sha384, sha3_224, sha3_256, sha3_384, sha3_512, sha512"},
		{"md5", -1, "hash_partition_exponent = -1: want 0 to 20"},
		{"md5", 21, "hash_partition_exponent = 21: want 0 to 20"},
	} {
		_, err := hashring.New(tc.algorithm, tc.exponent, []string{"a"})
		if !errors.Is(err, usher.ErrInvalid) || err.Error() != tc.want {
			t.Errorf("New(%s, %d) = %v, want %s", tc.algorithm, tc.exponent, err, tc.want)
		}
	}
}

func TestNoHosts(t *testing.T) {
	t.Parallel()
	r, err := hashring.New("md5", 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Owners("key"); got != nil {
		t.Errorf("Owners = %q, want none", got)
	}
	if got, ok := r.Owner("key"); ok {
		t.Errorf("Owner = %q, want none", got)
	}
}

// The order and repetition of the hosts given must not matter: each process
// reads them from the database in an order of its own.
func TestOrderAndRepetition(t *testing.T) {
	t.Parallel()
	given := []string{"c", "a", "b", "a"}
	r, err := hashring.New("sha256", 4, given)
	if err != nil {
		t.Fatal(err)
	}
	same, err := hashring.New("sha256", 4, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"c", "a", "b", "a"}, given); diff != "" {
		t.Errorf("New changed its argument:\n%s", diff)
	}
	for i := range 100 {
		key := fmt.Sprint("key-", i)
		if diff := cmp.Diff(same.Owners(key), r.Owners(key)); diff != "" {
			t.Errorf("%s:\n%s", key, diff)
		}
	}
}

// With more hosts than the bits on the stack hold, each is still named once.
func TestManyHosts(t *testing.T) {
	t.Parallel()
	hosts := make([]string, 300)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("conductor-%03d", i)
	}
	r, err := hashring.New("md5", 5, hosts)
	if err != nil {
		t.Fatal(err)
	}
	got := r.Owners("a node")
	slices.Sort(got)
	if diff := cmp.Diff(hosts, got); diff != "" {
		t.Errorf("Owners names other hosts (-want +got):\n%s", diff)
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c", "d", "e"}} {
		for _, exponent := range []int{0, 12} {
			r, err := hashring.New("md5", exponent, hosts)
			if err != nil {
				t.Fatal(err)
			}
			counted := make([]float64, len(hosts))
			const keys = 20000
			for i := range keys {
				owner, _ := r.Owner(fmt.Sprint(i))
				counted[slices.Index(r.Hosts(), owner)] += 1. / keys
			}
			for i, share := range r.Share() {
				if math.Abs(share-counted[i]) > 0.015 || len(hosts) == 1 && share != 1 {
					t.Errorf("%d hosts, exponent %d: share of %s = %.3f, counted %.3f",
						len(hosts), exponent, hosts[i], share, counted[i])
				}
			}
		}
	}
}

func BenchmarkNew(b *testing.B) {
	hosts := make([]string, 30)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("192.0.2.%d:8090", i)
	}
	for _, exponent := range []int{5, 16} {
		b.Run(fmt.Sprint("exponent=", exponent), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := hashring.New("md5", exponent, hosts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOwners(b *testing.B) {
	r, err := hashring.New("md5", 5, []string{"192.0.2.11", "192.0.2.12", "192.0.2.13"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Owners("4d3632b1-b0e4-5430-a3a1-404727e029e8")
	}
}
