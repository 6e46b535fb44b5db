package bootiface

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/usher-boot/usher"
)

// Evidence is what a conductor says of a node's boot file when 'usher explain'
// asks instead of a machine. It holds nothing of the file but the servers that
// it names: kernel parameters may be secrets.
type Evidence struct {
	Host    string    `json:"host"`              // who says so: its [DEFAULT]host
	Path    string    `json:"path,omitempty"`    // on its disk, beside Ironic; Usher's own lie on none
	Found   bool      `json:"found"`             // there is a file at Path, or a rendered one
	Size    int       `json:"size,omitempty"`    // in bytes
	Written time.Time `json:"written,omitzero"`  // of the file at Path, UTC
	Servers []string  `json:"servers,omitempty"` // scheme and address of the URLs in the file

	// Stamp is the node's provision_updated_at as the conductor reads it, and
	// PreparedFor the one that it last prepared the node for, zero where it has
	// not since its start. Beside Ironic the second one is not known.
	Stamp       time.Time `json:"provision_updated_at,omitzero"`
	PreparedFor time.Time `json:"prepared_for,omitzero"`
	// WouldPrepare says that a machine's request would make the conductor
	// prepare the node. Problem is then what is known to be in the way.
	WouldPrepare bool `json:"would_prepare"`
	// Sources are where it would have the node's images from, without what
	// may be secret in their URLs.
	Sources []string `json:"sources,omitempty"`
	// Plain says that the conductor cannot give evidence and was asked by
	// get_boot_config, as for a machine.
	Plain bool `json:"plain,omitempty"`
	// Problem is what a machine's request would be answered with, nil where it
	// would get the file.
	Problem *Problem `json:"problem,omitempty"`
}

// Problem is an error that travels in Evidence.
type Problem struct {
	Kind    string `json:"kind"`            // one of the sentinels, or empty
	Class   string `json:"class,omitempty"` // Ironic's exception class, or empty
	Message string `json:"message"`
}

// problemKinds are the names of the sentinels in a Problem.
func problemKinds() map[string]error {
	return map[string]error{"not_found": usher.ErrNotFound, "invalid": usher.ErrInvalid, "conflict": usher.ErrConflict,
		"unsupported": usher.ErrUnsupported, "unavailable": usher.ErrUnavailable}
}

// ProblemOf makes a Problem of an error; nil for nil.
func ProblemOf(err error) *Problem {
	if err == nil {
		return nil
	}
	p := &Problem{Message: err.Error()}
	for name, kind := range problemKinds() {
		if errors.Is(err, kind) {
			p.Kind = name
		}
	}
	if e, ok := errors.AsType[*usher.Error](err); ok {
		p.Class = e.Class
	}
	return p
}

// Err is the error that a Problem was made of, as far as callers can tell.
func (p *Problem) Err() error {
	if p == nil {
		return nil
	}
	kind, ok := problemKinds()[p.Kind]
	if !ok {
		return errors.New(p.Message)
	}
	return usher.Errorf(kind, "%s", p.Message).WithClass(p.Class)
}

// Servers are the scheme and address of the URLs in a boot file, GRUB's
// (http,10.0.0.1:80)/path among them, each once and in its order.
func Servers(content string) []string {
	var found []string
	for _, match := range bootURL.FindAllStringSubmatch(content, -1) {
		text := match[0]
		if match[1] != "" {
			text = match[1] + "://" + match[2]
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			continue
		}
		if server := u.Scheme + "://" + u.Host; !slices.Contains(found, server) { // without a password
			found = append(found, server)
		}
	}
	return found
}

var bootURL = regexp.MustCompile(`\b(?:https?|tftp)://[^\s"'<>|]+|\((https?|tftp),([^)\s]+)\)`)
