package management

import (
	"net/http"
	"strconv"
	"strings"
)

// The microversions of API 1 that Usher speaks. 1.88 is the last whose fields
// and verbs Usher has (1.87 brought the verb "service", 1.88 the name of a
// port); the endpoints that came between and that Usher lacks answer 404.
const (
	minMinor = 1
	maxMinor = 88

	minVersion = "1.1"
	maxVersion = "1.88"
)

const (
	versionHeader    = "X-OpenStack-Ironic-API-Version"
	minVersionHeader = "X-OpenStack-Ironic-API-Minimum-Version"
	maxVersionHeader = "X-OpenStack-Ironic-API-Maximum-Version"
)

// negotiate reads the microversion that a request asks for and returns its
// minor number. Without the header it is the oldest one, as in Ironic.
func negotiate(h http.Header) (int, error) {
	asked := h.Get(versionHeader)
	switch {
	case asked == "":
		return minMinor, nil
	case strings.EqualFold(asked, "latest"):
		return maxMinor, nil
	}
	majorText, minorText, _ := strings.Cut(asked, ".")
	major, err1 := strconv.Atoi(strings.TrimSpace(majorText))
	minor, err2 := strconv.Atoi(strings.TrimSpace(minorText))
	if err1 != nil || err2 != nil {
		return 0, bare(http.StatusNotAcceptable, "Invalid value for %s header", versionHeader)
	}
	asked = strconv.Itoa(major) + "." + strconv.Itoa(minor)
	if major != 1 {
		return 0, bare(http.StatusNotAcceptable, "Mutually exclusive versions requested. Version %s requested "+
			"but not supported by this service. The supported version range is: [%s, %s].", asked, minVersion, maxVersion)
	}
	if minor < minMinor || minor > maxMinor {
		return 0, bare(http.StatusNotAcceptable, "Version %s was requested but the minor version is not supported "+
			"by this service. The supported version range is: [%s, %s].", asked, minVersion, maxVersion)
	}
	return minor, nil
}
