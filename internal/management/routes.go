package management

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one line of the API. Segments in braces match anything and become
// path values.
type route struct {
	method, pattern string
	since           int  // the first microversion that has it
	ramdisk         bool // needs no credentials; also on the boot listener
	// mints says that the GET changes something: it gives the ramdisk its token.
	// A HEAD would throw the token away, and a browser must not be made to ask.
	mints  bool
	handle func(*API) handler
}

func method(f func(*API, http.ResponseWriter, *request) error) func(*API) handler {
	return func(a *API) handler {
		return func(w http.ResponseWriter, r *request) error { return f(a, w, r) }
	}
}

// routes is the whole API. The first line that matches wins, so fixed words
// stand before names.
func routes() []route {
	return []route{
		{"GET", "/", 0, true, false, method((*API).root)},
		{"GET", "/v1", 0, true, false, method((*API).v1)},

		{"GET", "/v1/nodes", 0, false, false, method((*API).listNodes)},
		{"POST", "/v1/nodes", 0, false, false, method((*API).createNode)},
		{"GET", "/v1/nodes/detail", 0, false, false, method((*API).listNodesDetail)},
		{"GET", "/v1/nodes/validate", 0, false, false, method((*API).validateNode)},
		{"GET", "/v1/nodes/{node}", 0, false, false, method((*API).showNode)},
		{"PATCH", "/v1/nodes/{node}", 0, false, false, method((*API).patchNode)},
		{"DELETE", "/v1/nodes/{node}", 0, false, false, method((*API).deleteNode)},
		{"GET", "/v1/nodes/{node}/validate", 0, false, false, method((*API).validateNode)},
		{"GET", "/v1/nodes/{node}/states", 0, false, false, method((*API).showStates)},
		{"PUT", "/v1/nodes/{node}/states/provision", 0, false, false, method((*API).provision)},
		{"PUT", "/v1/nodes/{node}/states/power", 0, false, false, method((*API).power)},
		{"PUT", "/v1/nodes/{node}/maintenance", 0, false, false, method((*API).setMaintenance)},
		{"DELETE", "/v1/nodes/{node}/maintenance", 0, false, false, method((*API).unsetMaintenance)},
		{"GET", "/v1/nodes/{node}/ports", 0, false, false, method((*API).listPorts)},
		{"GET", "/v1/nodes/{node}/ports/detail", 0, false, false, method((*API).listPortsDetail)},

		{"GET", "/v1/ports", 0, false, false, method((*API).listPorts)},
		{"POST", "/v1/ports", 0, false, false, method((*API).createPort)},
		{"GET", "/v1/ports/detail", 0, false, false, method((*API).listPortsDetail)},
		{"GET", "/v1/ports/{port}", 0, false, false, method((*API).showPort)},
		{"PATCH", "/v1/ports/{port}", 0, false, false, method((*API).patchPort)},
		{"DELETE", "/v1/ports/{port}", 0, false, false, method((*API).deletePort)},

		{"GET", "/v1/drivers", 0, false, false, method((*API).listDrivers)},
		{"GET", "/v1/drivers/{driver}", 0, false, false, method((*API).showDriver)},
		{"GET", "/v1/conductors", 49, false, false, method((*API).listConductors)},
		{"GET", "/v1/conductors/{conductor}", 49, false, false, method((*API).showConductor)},

		{"GET", "/v1/lookup", 22, true, true, method((*API).lookup)},
		{"POST", "/v1/heartbeat/{node}", 22, true, false, method((*API).heartbeat)},
	}
}

// Bodies are bounded: nothing that a client has to say to this API is larger
// (a config drive travels as an URL or a few hundred KiB of base64), and what
// may be said without credentials is smaller still.
func (rt route) bodyLimit() int64 {
	if rt.ramdisk {
		return 64 << 10
	}
	return 1 << 20
}

// matching returns the routes of a request's path, all methods, and sets the
// path values. Ironic takes paths without /v1 too, since its own bookmark
// links have none; those are never public.
func (a *API) matching(r *http.Request, ramdiskOnly bool) []route {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	path = strings.TrimSuffix(path, "/")
	var segments []string
	if path != "" {
		segments = strings.Split(path, "/")
		if segments[0] != "v1" {
			if ramdiskOnly {
				return nil
			}
			segments = append([]string{"v1"}, segments...)
		}
	}
	var found []route
	for _, rt := range a.routes {
		if ramdiskOnly && !rt.ramdisk || len(found) > 0 && rt.pattern != found[0].pattern {
			continue
		}
		if rt.match(r, segments) {
			found = append(found, rt)
		}
	}
	return found
}

func (rt route) match(r *http.Request, segments []string) bool {
	var wanted []string
	if rt.pattern != "/" {
		wanted = strings.Split(rt.pattern[1:], "/")
	}
	if len(wanted) != len(segments) {
		return false
	}
	for i, want := range wanted {
		got, err := url.PathUnescape(segments[i])
		if err != nil || got == "" {
			return false
		}
		if strings.HasPrefix(want, "{") {
			r.SetPathValue(strings.Trim(want, "{}"), got)
		} else if got != want {
			return false
		}
	}
	return true
}

func forMethod(found []route, method string) (route, bool) {
	i := slices.IndexFunc(found, func(rt route) bool {
		return rt.method == method || method == http.MethodHead && rt.head()
	})
	if i < 0 {
		return route{}, false
	}
	return found[i], true
}

// head says that a HEAD is answered as the GET.
func (rt route) head() bool { return rt.method == http.MethodGet && !rt.mints }

func allowed(found []route) string {
	var methods []string
	for _, rt := range found {
		methods = append(methods, rt.method)
		if rt.head() {
			methods = append(methods, http.MethodHead)
		}
	}
	return strings.Join(methods, ", ")
}
