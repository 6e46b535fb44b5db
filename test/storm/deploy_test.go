package storm

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-boot/usher/internal/testenv"
)

// BenchmarkDeploy deploys a thousand nodes through the REST API, by 32 clients,
// and tells how many a second and what each cost, from the first verb until
// the last node waits for its ramdisk.
func BenchmarkDeploy(b *testing.B) {
	const nodes, clients = 1000, 32
	for _, kind := range []string{"MariaDB", "SQLite"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				var st *site
				if kind == "SQLite" {
					st, _ = newAlone(b, settings{nodes: nodes})
				} else {
					st, _ = newSite(b, testenv.NewMariaDB(b), settings{nodes: nodes, waiting: 1})
				}
				if _, err := st.db.ExecContext(b.Context(), "UPDATE nodes SET provision_state = 'available'"); err != nil {
					b.Fatal(err)
				}
				st.deployAll(b, nodes, clients)
			}
			b.ReportMetric(0, "ns/op") // of no use here: leaves the column out
		})
	}
}

// deployAll deploys the nodes and reports the rate and the cost.
func (st *site) deployAll(b *testing.B, nodes, clients int) {
	b.Helper()
	before, began := st.costs(), time.Now()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var group errgroup.Group
	for range clients {
		group.Go(func() error {
			for {
				i := next.Add(1) - 1
				if i >= int64(nodes) {
					return nil
				}
				if err := deploy(b, client, st.manage, fmt.Sprintf("node-%d", i)); err != nil {
					return err
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	testenv.Until(b, patience, "all wait for their ramdisks", func() bool {
		return st.number("SELECT COUNT(*) FROM nodes WHERE provision_state = 'wait call-back' AND reservation IS NULL") == float64(nodes)
	})
	took, after := time.Since(began), st.costs()
	var cpu, database time.Duration
	for name := range after {
		used := after[name].cpu - before[name].cpu
		if name == "mariadb" {
			database = used
		} else {
			cpu += used
		}
	}
	b.ReportMetric(float64(nodes)/took.Seconds(), "nodes/s")
	b.ReportMetric(millis(cpu)/float64(nodes), "usher-ms/node")
	b.ReportMetric(millis(database)/float64(nodes), "database-ms/node")
}

// deploy asks for one node's deployment.
func deploy(b *testing.B, client *http.Client, manage, node string) error {
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPut, manage+"/v1/nodes/"+node+"/states/provision", strings.NewReader(`{"target": "active"}`))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-OpenStack-Ironic-API-Version", "1.78")
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("deploying %s: %s %s, %w", node, res.Status, body, err)
	}
	return nil
}
