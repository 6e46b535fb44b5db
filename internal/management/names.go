package management

import (
	"context"
	"net/http"
	"regexp"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
)

var (
	// logicalName is what Ironic takes since 1.10: RFC 3986's unreserved
	// characters. Older versions took host names, which are a part of them.
	logicalName  = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,255}$`)
	hostnameSafe = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
)

// reservedNames would be taken for a path of their own. Ironic reserves all
// of these, so a name that is good here is good there.
var reservedNames = []string{"maintenance", "management", "states", "vendor_passthru", "detail", "validate"}

// canonicalUUID takes the spellings that Ironic takes and returns Ironic's
// own: lower case with hyphens.
func canonicalUUID(s string) (string, bool) {
	id, err := uuid.Parse(s)
	return id.String(), err == nil
}

// node finds the node that a path names, by UUID or (since 1.5) by name.
func (a *API) node(ctx context.Context, r *request, ident string) (*usher.Node, error) {
	if id, ok := canonicalUUID(ident); ok {
		return a.Store.Node(ctx, id)
	}
	if !logicalName.MatchString(ident) {
		return nil, bare(http.StatusBadRequest, "Expected UUID or name for node: %s", ident)
	}
	if r.minor < 5 {
		return nil, nodeNotFound(ident)
	}
	return a.Store.Node(ctx, ident)
}

func nodeNotFound(ident string) *usher.Error {
	return usher.Errorf(usher.ErrNotFound, "Node %s could not be found.", ident).WithClass("NodeNotFound")
}

// checkName refuses a node's new name. message is Ironic's beginning of the
// refusal.
func (r *request) checkName(name any, message string) error {
	s, ok := name.(string)
	_, isUUID := canonicalUUID(s)
	if ok = ok && logicalName.MatchString(s) && !isUUID; ok && r.minor < 10 {
		ok = hostnameSafe.MatchString(s)
	}
	if !ok {
		if !isString(name) {
			s = brief(name)
		}
		return invalid("%s '%.255s'", message, s)
	}
	for _, reserved := range reservedNames {
		if s == reserved {
			return invalid("The word \"%s\" is reserved and can not be used as a node name. Reserved words are: "+
				"maintenance, management, states, vendor_passthru, detail, validate.", s)
		}
	}
	return nil
}

func isString(v any) bool {
	_, ok := v.(string)
	return ok
}
