package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/batch"
)

// Reader answers questions about nodes and conductors from Ironic's database
// or from Usher's. Its sessions cannot write, and no statement of it names a
// column that holds secrets. It is safe for concurrent use.
type Reader struct {
	d      *dialect
	db     *sql.DB
	log    *slog.Logger
	fields []field[usher.BootNode]
	byMAC  statement
	byMACs []statement // of 2, 4, 8 ... addresses
	byUUID statement
	macs   *batch.Group[usher.MAC, usher.BootNode] // nil on SQLite, which is not worth waiting for others
}

func newReader(d *dialect, o Options) (*Reader, error) {
	db, err := d.open(true)
	if err != nil {
		return nil, fmt.Errorf("open the database for reading: %w", err)
	}
	reading, _ := o.split()
	if d.embedded {
		reading = min(reading, 4) // more would wait for a processor, each with a page cache of its own
	}
	setPool(db, reading)
	r := &Reader{d: d, db: db, log: o.logger(), fields: bootNodeFields()}
	r.byMAC.query = d.bind("SELECT " + r.byMACColumns() + byMACJoin + "= ?")
	r.byUUID.query = d.bind("SELECT " + selectList("n", r.fields) + " FROM nodes n WHERE n.uuid = ?")
	if !d.embedded {
		r.together(reading)
	}
	return r, nil
}

// BootNodes lists all nodes by name and UUID.
func (r *Reader) BootNodes(ctx context.Context) ([]usher.BootNode, error) {
	query := "SELECT " + selectList("n", bootNodeFields()) + " FROM nodes n ORDER BY n.name, n.uuid"
	var all []usher.BootNode
	err := r.read(ctx, "list nodes", func(ctx context.Context) error {
		all = nil
		return rows(ctx, r.db, query, nil, func(scan func(...any) error) error {
			var n usher.BootNode
			if err := scan(dests(&n, bootNodeFields())...); err != nil {
				return err
			}
			all = append(all, n)
			return nil
		})
	})
	return all, err
}

// Conductors returns every registered conductor, alive or not, with its
// hardware interfaces, in the order of registration: one query, so that both
// tables are of the same moment.
func (r *Reader) Conductors(ctx context.Context) ([]usher.Conductor, error) {
	query := "SELECT " + selectList("c", conductorFields()) +
		", i.hardware_type, i.interface_type, i.interface_name, i." + r.d.quote("default") +
		" FROM conductors c LEFT JOIN conductor_hardware_interfaces i ON i.conductor_id = c.id" +
		" ORDER BY c.id, i.hardware_type, i.interface_type, i.interface_name"
	var all []usher.Conductor
	err := r.read(ctx, "list conductors", func(ctx context.Context) error {
		all = nil
		return rows(ctx, r.db, query, nil, func(scan func(...any) error) error {
			var c usher.Conductor
			var i usher.HardwareInterface
			to := append(dests(&c, conductorFields()), text[string]{&i.HardwareType},
				text[string]{&i.Type}, text[string]{&i.Name}, flag{&i.Default})
			if err := scan(to...); err != nil {
				return err
			}
			if len(all) == 0 || all[len(all)-1].ID != c.ID {
				all = append(all, c)
			}
			if i.HardwareType != "" {
				last := &all[len(all)-1]
				last.Interfaces = append(last.Interfaces, i)
			}
			return nil
		})
	})
	return all, err
}

// HeartbeatRule says whether a conductor's last heartbeat decides that it is
// active. On SQLite, as in Ironic, being online is enough.
func (r *Reader) HeartbeatRule() bool { return r.d.heartbeats }

// Ping asks whether the database answers.
func (r *Reader) Ping(ctx context.Context) error {
	return r.read(ctx, "reach the database", func(ctx context.Context) error {
		var one int // database/sql's Ping may be content with an open socket
		return r.db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	})
}

// Close ends all connections.
func (r *Reader) Close() error {
	if r.macs != nil {
		r.macs.Close()
	}
	errs := []error{r.byMAC.close(), r.byUUID.close()}
	for i := range r.byMACs {
		errs = append(errs, r.byMACs[i].close())
	}
	return errors.Join(append(errs, r.db.Close())...)
}

// read runs f under a deadline, and once more on another connection if the
// first one turns out broken: reading twice is harmless, and after a restart
// of the server every pooled connection is stale.
func (r *Reader) read(ctx context.Context, op string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := f(ctx)
	if err != nil && ctx.Err() == nil && r.d.faultOf(err) == faultLost {
		r.log.DebugContext(ctx, "database connection lost, trying another", "operation", op, "cause", err)
		dropIdle(r.db)
		err = f(ctx)
	}
	return r.d.wrap(ctx, op, err)
}

// dropIdle closes the idle connections of a pool: where one of them was found
// broken, the others most likely are too, and the next try needs a new one.
func dropIdle(db *sql.DB) {
	db.SetMaxIdleConns(0)
	db.SetMaxIdleConns(db.Stats().MaxOpenConnections)
}

// CheckMore fails on the first column of MoreTables that cannot be read, and
// names it.
func (r *Reader) CheckMore(ctx context.Context) error { return r.checkColumns(ctx, MoreTables()) }

// checkColumns fails on the first column that cannot be read, and names it.
func (r *Reader) checkColumns(ctx context.Context, tables []Table) error {
	for _, t := range tables {
		if t.Name == "alembic_version" {
			continue
		}
		names := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			names[i] = "t." + r.d.quote(c)
		}
		try := func(list string) error {
			return r.read(ctx, "check the table "+t.Name, func(ctx context.Context) error {
				return rows(ctx, r.db, "SELECT "+list+" FROM "+t.Name+" t WHERE 1 = 0", nil, nil)
			})
		}
		err := try(strings.Join(names, ", "))
		if err == nil {
			continue
		}
		if errors.Is(err, usher.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		for i, name := range names {
			if one := try(name); one != nil {
				return fmt.Errorf("column %s.%s is missing or may not be read: %w",
					t.Name, t.Columns[i], one)
			}
		}
		return err
	}
	return nil
}

// statement is a prepared query, made at its first use: a Store is opened
// before its tables exist. database/sql prepares it again by itself on each
// new connection.
type statement struct {
	query string
	mu    sync.Mutex
	stmt  *sql.Stmt
}

func (s *statement) on(ctx context.Context, db *sql.DB) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stmt == nil {
		stmt, err := db.PrepareContext(ctx, s.query)
		if err != nil {
			return nil, err
		}
		s.stmt = stmt
	}
	return s.stmt, nil
}

func (s *statement) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stmt == nil {
		return nil
	}
	return s.stmt.Close()
}

// queryer is *sql.DB or *sql.Tx.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// rows runs a query and hands each row to visit.
func rows(ctx context.Context, q queryer, query string, args []any, visit func(scan func(...any) error) error) error {
	found, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return each(found, visit)
}

// each hands each row to visit, and closes them.
func each(found *sql.Rows, visit func(scan func(...any) error) error) (err error) {
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		if err := visit(found.Scan); err != nil {
			return err
		}
	}
	return found.Err()
}
