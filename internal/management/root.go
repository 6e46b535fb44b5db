package management

import "net/http"

func (r *request) apiVersion() object {
	return object{
		"id": "v1", "status": "CURRENT", "min_version": minVersion, "version": maxVersion,
		"links": []link{{Href: r.base + "/v1/", Rel: "self"}},
	}
}

// root says which API there is. Clients recognise Ironic by its name.
func (a *API) root(w http.ResponseWriter, r *request) error {
	return answerJSON(w, http.StatusOK, object{
		"name":            "OpenStack Ironic API",
		"description":     "Usher: Ironic's bare metal API for network booting, on Usher's own inventory.",
		"default_version": r.apiVersion(),
		"versions":        []object{r.apiVersion()},
	})
}

// v1 lists the collections that exist here, not those that Ironic has.
func (a *API) v1(w http.ResponseWriter, r *request) error {
	answer := object{
		"id":    "v1",
		"links": []link{{Href: r.base + "/v1/", Rel: "self"}},
		"media_types": object{
			"base": "application/json",
			"type": "application/vnd.openstack.ironic.v1+json",
		},
		"version": r.apiVersion(),
	}
	for _, rt := range []struct {
		name  string
		since int
	}{{"nodes", 0}, {"ports", 0}, {"drivers", 0}, {"conductors", 49}, {"lookup", 22}, {"heartbeat", 22}} {
		if r.minor >= rt.since {
			answer[rt.name] = r.links(rt.name + "/")
		}
	}
	return answerJSON(w, http.StatusOK, answer)
}
