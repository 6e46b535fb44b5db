package hashring

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"hash"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/blake2s"

	"github.com/usher-boot/usher"
)

// algorithm is one hash function: running, and of one key at once.
type algorithm struct {
	new func() hash.Hash
	sum func([]byte) point
}

// algorithms are Python's hashlib.algorithms_guaranteed, which are the choices
// of Ironic's option, except for shake_128 and shake_256: their digests have no
// length of their own, and tooz fails on them.
var algorithms = map[string]algorithm{
	"md5":      {md5.New, func(b []byte) point { d := md5.Sum(b); return pointOf(d[:]) }},
	"sha1":     {sha1.New, func(b []byte) point { d := sha1.Sum(b); return pointOf(d[:]) }},
	"sha224":   {sha256.New224, func(b []byte) point { d := sha256.Sum224(b); return pointOf(d[:]) }},
	"sha256":   {sha256.New, func(b []byte) point { d := sha256.Sum256(b); return pointOf(d[:]) }},
	"sha384":   {sha512.New384, func(b []byte) point { d := sha512.Sum384(b); return pointOf(d[:]) }},
	"sha512":   {sha512.New, func(b []byte) point { d := sha512.Sum512(b); return pointOf(d[:]) }},
	"sha3_224": {hasher(sha3.New224), func(b []byte) point { d := sha3.Sum224(b); return pointOf(d[:]) }},
	"sha3_256": {hasher(sha3.New256), func(b []byte) point { d := sha3.Sum256(b); return pointOf(d[:]) }},
	"sha3_384": {hasher(sha3.New384), func(b []byte) point { d := sha3.Sum384(b); return pointOf(d[:]) }},
	"sha3_512": {hasher(sha3.New512), func(b []byte) point { d := sha3.Sum512(b); return pointOf(d[:]) }},
	"blake2b":  {unkeyed(blake2b.New512), func(b []byte) point { d := blake2b.Sum512(b); return pointOf(d[:]) }},
	"blake2s":  {unkeyed(blake2s.New256), func(b []byte) point { d := blake2s.Sum256(b); return pointOf(d[:]) }},
}

func hasher(f func() *sha3.SHA3) func() hash.Hash {
	return func() hash.Hash { return f() }
}

// unkeyed drops the error that only a wrong key can cause.
func unkeyed(f func(key []byte) (hash.Hash, error)) func() hash.Hash {
	return func() hash.Hash {
		h, err := f(nil)
		if err != nil {
			panic(err)
		}
		return h
	}
}

// Algorithms lists the names that New takes, sorted.
func Algorithms() []string { return slices.Sorted(maps.Keys(algorithms)) }

func lookup(name string) (algorithm, error) {
	a, ok := algorithms[name]
	switch {
	case ok:
		return a, nil
	case name == "shake_128" || name == "shake_256":
		return a, usher.Errorf(usher.ErrInvalid, "hash_ring_algorithm = %s: its digest has no fixed length, "+
			"so no ring can be built with it (Ironic accepts the option and then fails too); want one of %s",
			name, strings.Join(Algorithms(), ", "))
	}
	return a, usher.Errorf(usher.ErrInvalid, "hash_ring_algorithm = %.64q: want one of %s",
		name, strings.Join(Algorithms(), ", "))
}
