package admin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/admin"
)

// TestEvidence: what the conductor in this process would answer is there for
// 'usher explain', and a process without one says so.
func TestEvidence(t *testing.T) {
	get := func(o admin.Options, path string) (int, string) {
		o.Metrics = http.NotFoundHandler()
		w := httptest.NewRecorder()
		admin.New(o).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	conductor := admin.Options{Evidence: func(_ context.Context, node, file string) any {
		return map[string]string{"node": node, "file": file}
	}}
	if status, body := get(conductor, "/v1/evidence/a%2Fb/boot.ipxe"); status != http.StatusOK || strings.TrimSpace(body) != `{"file":"boot.ipxe","node":"a/b"}` {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(admin.Options{}, "/v1/evidence/n/boot.ipxe"); status != http.StatusNotFound || !strings.Contains(body, `"error":"this process is no conductor"`) {
		t.Errorf("without a conductor: %d %s", status, body)
	}
}
