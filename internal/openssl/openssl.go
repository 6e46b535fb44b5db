// Package openssl reads OpenSSL's cipher lists, in which Ironic and PyMySQL
// name the ciphers of TLS, as far as Go has the ciphers.
package openssl

import (
	"crypto/tls"
	"maps"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

// CipherSuites reads a list of OpenSSL's names, such as
// "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", as what
// tls.Config's CipherSuites takes. It holds for TLS 1.2, as OpenSSL's does:
// names of TLS 1.3 have no effect in such a list. Go orders the ciphers itself.
//
// OpenSSL's groups and operators (HIGH, !aNULL, @STRENGTH) are refused, and so
// are ciphers that Go counts as insecure: leaving out what is not understood
// would allow more, or less, than was asked for.
func CipherSuites(list string) ([]uint16, error) {
	known := names()
	var ids []uint16
	for _, name := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(":, ", r) }) {
		id, ok := known[name]
		switch {
		case ok:
			ids = append(ids, id)
		case strings.HasPrefix(name, "TLS_"): // of TLS 1.3
		default:
			return nil, usher.Errorf(usher.ErrInvalid, "%.64q is no cipher that Usher can use; name some of %s",
				name, strings.Join(sorted(known), ", "))
		}
	}
	if ids == nil {
		return nil, usher.Errorf(usher.ErrInvalid, "it names no cipher of TLS 1.2; name some of %s", strings.Join(sorted(known), ", "))
	}
	return ids, nil
}

// names are Go's ciphers of TLS 1.2 by OpenSSL's names.
func names() map[string]uint16 {
	known := map[string]uint16{}
	for _, suite := range tls.CipherSuites() {
		if suite.SupportedVersions[0] <= tls.VersionTLS12 {
			known[openSSLName(suite.Name)] = suite.ID
		}
	}
	return known
}

// openSSLName makes ECDHE-RSA-AES128-GCM-SHA256 of
// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256.
func openSSLName(iana string) string {
	return strings.NewReplacer("TLS_", "", "_WITH_", "-", "AES_", "AES", "_CBC_", "-",
		"CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305", "_", "-").Replace(iana)
}

func sorted(known map[string]uint16) []string { return slices.Sorted(maps.Keys(known)) }
