package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/usher-boot/usher/internal/agent"
)

// bootFiles tells where an agent finds the boot files of nodes that may boot,
// which of them machines cannot have, and whether machines reach the images
// that they load from the agent.
func bootFiles(ctx context.Context, host string, st agent.Status) []Check {
	var found, unusable []string
	images := 0
	for _, b := range st.BootFiles {
		found = append(found, fmt.Sprintf("%d of boot interface %s below %s", b.Number, b.Interface, b.Root))
		unusable = append(unusable, b.Unusable...)
		images += b.Images
	}
	if len(found) == 0 {
		return nil
	}
	checks := []Check{{Name: "boot files of " + host, State: OK, Detail: strings.Join(found, ", ")}}
	for _, problem := range unusable {
		checks = append(checks, Check{"boot files of " + host, Failed, problem,
			"correct the template that Ironic writes it from ([pxe]ipxe_config_template or pxe_config_template, or the node's own), " +
				"or the option that is named, and begin anew what the node waits for"})
	}
	if images > 0 && st.FilesURL != "" {
		checks = append(checks, imageListener(ctx, host, images, st.FilesURL))
	}
	return checks
}

// imageListener knocks where machines fetch images from the agent.
func imageListener(ctx context.Context, host string, images int, url string) Check {
	name := "images of " + host
	what := fmt.Sprintf("%d boot files load from %s", images, url)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url+"/", nil)
	if err == nil {
		var response *http.Response
		if response, err = http.DefaultClient.Do(request); err == nil {
			err = response.Body.Close()
		}
	}
	if err != nil {
		return Check{name, Warning, what + ", which this host does not reach: " + err.Error(),
			"open the port of [usher]files_listen there for the machines' network, or set [usher]files_url to where machines reach it"}
	}
	return Check{Name: name, State: OK, Detail: what + ", which answers"}
}
