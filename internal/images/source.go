package images

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"net/url"
	"strings"

	"github.com/usher-boot/usher"
)

// source is an Image, understood.
type source struct {
	url   *url.URL
	shown string // the URL for messages: without credentials, query, fragment
	sum   checksum
	key   string // names the source in the store
}

// checksum is what an image must hash to; the zero value means anything.
type checksum struct{ algorithm, digest string }

// algorithms that Ironic takes, by name.
func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "md5":
		return md5.New()
	case "sha1":
		return sha1.New()
	case "sha256":
		return sha256.New()
	case "sha512":
		return sha512.New()
	}
	return nil
}

func parse(image Image) (source, error) {
	u, err := url.Parse(image.URL)
	if err != nil {
		// The error would repeat the URL with its credentials.
		return source{}, invalid("(not shown)", "it is not a URL")
	}
	s := source{url: u, shown: shown(u)}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" {
			return source{}, invalid(s.shown, "it names no host")
		}
	case "file":
		if u.Host != "" && u.Host != "localhost" || !strings.HasPrefix(u.Path, "/") {
			return source{}, invalid(s.shown, "want file:///PATH")
		}
	default:
		return source{}, invalid(s.shown, "want http, https or file, not %q", u.Scheme)
	}
	if s.sum, err = parseChecksum(image.Checksum); err != nil {
		return source{}, err
	}
	key := sha256.Sum256([]byte(image.URL + "\n" + s.sum.algorithm + "\n" + s.sum.digest))
	s.key = hex.EncodeToString(key[:])
	return s, nil
}

func parseChecksum(text string) (checksum, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" {
		return checksum{}, nil
	}
	algorithm, digest, named := strings.Cut(text, ":")
	if !named {
		digest = text
		algorithm = map[int]string{32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}[len(digest)]
	}
	h := newHash(algorithm)
	if raw, err := hex.DecodeString(digest); h == nil || err != nil || len(raw) != h.Size() {
		return checksum{}, usher.Errorf(usher.ErrInvalid,
			"image checksum %.150q: want sha256:, sha512:, sha1: or md5: and the hex digits", text)
	}
	return checksum{algorithm, digest}, nil
}

// check compares what was got with what was promised.
func (s source) check(h hash.Hash) error {
	if h == nil {
		return nil
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != s.sum.digest {
		return invalid(s.shown, "its %s is %s, not %s", s.sum.algorithm, got, s.sum.digest)
	}
	return nil
}

// shown is a URL for messages and logs: the query may hold a signature, and
// the user part a password.
func shown(u *url.URL) string {
	s := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.RawQuery != "" {
		return s.String() + "?..."
	}
	return s.String()
}

// invalid and unavailable use the words of Ironic's exceptions.
func invalid(shown, format string, args ...any) error {
	e := usher.Errorf(usher.ErrInvalid, format, args...)
	e.Message = "Validation of image href " + shown + " failed, reason: " + e.Message
	return e.WithClass("ImageRefValidationFailed")
}

func unavailable(shown, format string, args ...any) error {
	e := usher.Errorf(usher.ErrUnavailable, format, args...)
	e.Message = "Failed to download image " + shown + ", reason: " + e.Message
	return e.WithClass("ImageDownloadFailed")
}
