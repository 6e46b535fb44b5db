package inventory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3/database"
)

// newMySQL reads mysql://, mysql+pymysql://, mariadb+... with PyMySQL's options.
func newMySQL(loc location) (*dialect, error) {
	if loc.database == "" {
		return nil, badURL("names no database: mysql://user:password@host/DATABASE")
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = loc.user, loc.password, loc.database
	cfg.Net = "tcp"
	cfg.Addr = net.JoinHostPort(orDefault(loc.host, "localhost"), strconv.Itoa(orDefault(loc.port, 3306)))
	if socket := loc.take("unix_socket"); socket != "" {
		cfg.Net, cfg.Addr = "unix", socket
	}
	switch charset := strings.ToLower(loc.take("charset")); charset {
	case "", "utf8", "utf8mb3", "utf8mb4":
		// Always the whole of Unicode: what Ironic stores in utf8mb3 is the same bytes.
	default:
		return nil, badURL("option charset must be utf8 or utf8mb4")
	}
	var err error
	if cfg.TLS, err = mysqlTLS(&loc); err != nil {
		return nil, err
	}
	for key, to := range map[string]*time.Duration{
		"connect_timeout": &cfg.Timeout, "read_timeout": &cfg.ReadTimeout, "write_timeout": &cfg.WriteTimeout,
	} {
		unset := 30
		if to == &cfg.Timeout {
			unset = 5
		}
		seconds, err := loc.takeSeconds(key, unset)
		if err != nil {
			return nil, err
		}
		*to = time.Duration(seconds) * time.Second
	}
	if err := loc.rest(); err != nil {
		return nil, err
	}
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, badURL("cannot be used: %v", err)
	}
	cfg.Logger = &mysql.NopLogger{}
	cfg.ClientFoundRows = true // "affected" means matched, as in the other two
	cfg.InterpolateParams = true
	cfg.ParseTime = true
	return &dialect{
		name:       "mysql",
		migrations: database.DialectMySQL,
		quoteMark:  "`",
		forUpdate:  " FOR UPDATE",
		precision:  time.Microsecond, // DATETIME(6), unlike Ironic's
		heartbeats: true,
		hasTable: `SELECT 1 FROM information_schema.tables
			WHERE table_schema = DATABASE() AND table_name = ?`,
		open:  func(readOnly bool) (*sql.DB, error) { return openMySQL(cfg, readOnly) },
		fault: mysqlFault,
	}, nil
}

func orDefault[T comparable](v, unset T) T {
	var zero T
	if v == zero {
		return unset
	}
	return v
}

func openMySQL(cfg *mysql.Config, readOnly bool) (*sql.DB, error) {
	cfg = cfg.Clone()
	// A server that became read-only in a fail-over: the driver then closes
	// the connection, and the pool finds the new primary.
	cfg.RejectReadOnly = !readOnly
	base, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	c := sessionConnector{Connector: base}
	if readOnly {
		c.statements = []string{"SET SESSION TRANSACTION READ ONLY"}
	} else {
		c.statements = []string{
			// As oslo.db: an over-long value is an error, not cut short.
			"SET SESSION sql_mode = 'TRADITIONAL'",
			// Every write locks its rows first; the gap locks of REPEATABLE
			// READ would only add deadlocks.
			"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
		}
	}
	return sql.OpenDB(c), nil
}

// sessionConnector runs statements on each new connection. They are
// statements and not variables in the DSN because MariaDB 10 calls the
// variable tx_read_only and MySQL 8 transaction_read_only.
type sessionConnector struct {
	driver.Connector
	statements []string
}

// Connect implements driver.Connector.
func (c sessionConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range c.statements {
		execer, ok := conn.(driver.ExecerContext)
		if !ok {
			return nil, errors.Join(fmt.Errorf("the driver cannot run %s", s), conn.Close())
		}
		if _, err := execer.ExecContext(ctx, s, nil); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// mysqlFault reads the server's error numbers.
func mysqlFault(err error) fault {
	if errors.Is(err, mysql.ErrInvalidConn) {
		return faultLost
	}
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return faultOther
	}
	switch e.Number {
	case 1062, 1586: // ER_DUP_ENTRY, ER_DUP_ENTRY_WITH_KEY_NAME
		return faultDuplicate
	case 1216, 1217, 1451, 1452: // foreign keys
		return faultReference
	case 1205, 1213, 1020: // lock wait time-out, deadlock (Galera: certification), ER_CHECKREAD
		return faultRetry
	case 1290, 1792, 1836: // read-only server, transaction, mode
		return faultReadOnly
	case 1053, 1927, 2006, 2013: // shutdown, connection killed, gone away, lost
		return faultLost
	case 1040, 1041, 1047, 1129, 1203, 1226, 1317, 1969, 3024:
		// too many connections, out of memory, Galera not ready, host blocked,
		// user limits, interrupted, statement time-outs
		return faultDown
	case 1264, 1292, 1366, 1406: // out of range, bad value, bad characters, too long
		return faultValue
	}
	return faultOther
}
