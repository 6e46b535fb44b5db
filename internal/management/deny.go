package management

import "net/http"

// Deny answers a request whose credentials are wrong, in the shape of all
// other errors; it is for whoever stands in front of the API and asks for them.
func Deny(w http.ResponseWriter, code int, message string) {
	writeError(w, code, bare(code, "%s", message))
}
