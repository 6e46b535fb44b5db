package usher

import (
	"encoding/hex"
	"strings"
)

// MAC is a 48-bit hardware address of a port.
type MAC [6]byte

// ParseMAC reads the spellings that boot firmware, switches and people use,
// in any letter case:
//
//	aa:bb:cc:dd:ee:ff  aa-bb-cc-dd-ee-ff  aabbccddeeff  aabb.ccdd.eeff
//	01-aa-bb-cc-dd-ee-ff (pxelinux's and BOOTIF's form; also with colons)
//
// Percent-encoding is the caller's to undo. One spelling does not mix
// separators. Anything else is ErrInvalid.
func ParseMAC(s string) (MAC, error) {
	var m MAC
	switch len(s) {
	case 12:
		if _, err := hex.Decode(m[:], []byte(s)); err == nil {
			return m, nil
		}
	case 14: // aabb.ccdd.eeff
		if s[4] == '.' && s[9] == '.' && m.decode(s[0:2], s[2:4], s[5:7], s[7:9], s[10:12], s[12:14]) {
			return m, nil
		}
	case 20: // 01-, the Ethernet hardware type, before the address
		if s[0] == '0' && s[1] == '1' && s[2] == s[5] && m.decodeSeparated(s[3:]) {
			return m, nil
		}
	case 17:
		if m.decodeSeparated(s) {
			return m, nil
		}
	}
	return MAC{}, Errorf(ErrInvalid, "%.64q is not a MAC address: want six octets such as 52:54:00:12:34:56, "+
		"52-54-00-12-34-56, 525400123456 or 5254.0012.3456", s)
}

// decodeSeparated reads aa:bb:cc:dd:ee:ff with ':' or '-' throughout.
func (m *MAC) decodeSeparated(s string) bool {
	sep := s[2]
	if sep != ':' && sep != '-' || s[5] != sep || s[8] != sep || s[11] != sep || s[14] != sep {
		return false
	}
	return m.decode(s[0:2], s[3:5], s[6:8], s[9:11], s[12:14], s[15:17])
}

func (m *MAC) decode(octets ...string) bool {
	for i, o := range octets {
		if _, err := hex.Decode(m[i:i+1], []byte(o)); err != nil {
			return false
		}
	}
	return true
}

// String is the form that Ironic stores: lower case with colons.
func (m MAC) String() string { return m.join(':') }

// Hyphenated is the form of iPXE's ${mac:hexhyp} and of Ironic's link names:
// lower case with hyphens.
func (m MAC) Hyphenated() string { return m.join('-') }

func (m MAC) join(sep byte) string {
	var b strings.Builder
	b.Grow(17)
	const digits = "0123456789abcdef"
	for i, o := range m {
		if i > 0 {
			b.WriteByte(sep)
		}
		b.WriteByte(digits[o>>4])
		b.WriteByte(digits[o&15])
	}
	return b.String()
}
