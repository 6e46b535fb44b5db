package admin

import "net/http"

// policy lets the page load what this door serves, and nothing else: no
// inline script or style, no frame around it, no form.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard sets the headers that keep browsers in bounds and refuses what this
// listener is not for. answersTo says which Host headers it answers;
// nil: all.
func guard(next http.Handler, answersTo func(host string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "the operator's door changes nothing: GET and HEAD only", http.StatusMethodNotAllowed)
		case answersTo != nil && !answersTo(r.Host):
			http.Error(w, "this listener has no accounts, and answers to addresses, localhost and the names of its host only: "+
				"add the name to [usher]allowed_hosts, or let a proxy set the Host header", http.StatusMisdirectedRequest)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
