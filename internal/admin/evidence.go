package admin

import (
	"encoding/json"
	"net/http"

	"github.com/usher-boot/usher"
)

// evidence answers what this process's conductor would tell a machine of a
// node, and why: for 'usher explain' on the same host, where there is no RPC.
func (d *Door) evidence(w http.ResponseWriter, r *http.Request) {
	if d.o.Evidence == nil {
		fail(w, http.StatusNotFound, usher.Errorf(usher.ErrNotFound, "this process is no conductor"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(d.o.Evidence(r.Context(), r.PathValue("node"), r.PathValue("file")))
}
