package auth

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

type statusKey struct{}

// DeniedStatus returns, within the denied callback of Basic, the status to
// answer with: 401, 400 where the credentials cannot be understood, or 503
// where too many ask for theirs to be checked.
func DeniedStatus(r *http.Request) int {
	if status, ok := r.Context().Value(statusKey{}).(int); ok {
		return status
	}
	return http.StatusUnauthorized
}

// Basic lets requests with the credentials of one of the users pass to next,
// without their Authorization header. For others it calls denied, which writes
// the whole answer (with DeniedStatus); WWW-Authenticate is set already.
func Basic(users *Users, next http.Handler, denied func(w http.ResponseWriter, r *http.Request, message string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, status, message := credentials(r)
		if status == 0 {
			switch ok, err := users.Check(r.Context(), sourceOf(r), user, password); {
			case err != nil:
				status, message = http.StatusServiceUnavailable, "The password was not checked: "+err.Error()
			case !ok:
				status, message = http.StatusUnauthorized, "Incorrect username or password"
			}
		}
		if status != 0 {
			if status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Basic realm="Baremetal API"`)
			}
			denied(w, r.WithContext(context.WithValue(r.Context(), statusKey{}, status)), message)
			return
		}
		r = r.Clone(r.Context())
		r.Header.Del("Authorization")
		next.ServeHTTP(w, r)
	})
}

// credentials reads the header in Ironic's way. A status of 0 means well.
func credentials(r *http.Request) (user, password string, status int, message string) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", "", http.StatusUnauthorized, "Authorization required"
	}
	fields := strings.Fields(values[0])
	if len(fields) < 2 {
		return "", "", http.StatusBadRequest, "Could not parse Authorization header"
	}
	if !strings.EqualFold(fields[0], "Basic") {
		return "", "", http.StatusBadRequest, fmt.Sprintf("Unsupported authorization type %q", fields[0])
	}
	const undecodable = "Could not decode authorization token"
	token, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil || len(fields) > 2 {
		return "", "", http.StatusBadRequest, undecodable
	}
	user, password, ok := strings.Cut(string(token), ":")
	if !ok || !utf8.ValidString(user) {
		return "", "", http.StatusBadRequest, undecodable
	}
	return user, password, 0, ""
}
