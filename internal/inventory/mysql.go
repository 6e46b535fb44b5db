package inventory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3/database"
)

// newMySQL reads mysql://, mysql+pymysql://, mariadb+... with PyMySQL's options.
func newMySQL(loc location) (*dialect, error) {
	o, err := readMySQL(loc)
	if err != nil {
		return nil, err
	}
	cfg, err := o.config()
	if err != nil {
		return nil, err
	}
	connect := func() (*mysql.Config, string, error) { return cfg, o.initCommand, nil }
	if o.file != "" {
		// As PyMySQL: each connection is by the file as it is then.
		connect = func() (*mysql.Config, string, error) {
			o, err := readMySQL(loc)
			if err != nil {
				return nil, "", err
			}
			cfg, err := o.config()
			return cfg, o.initCommand, err
		}
	}
	return &dialect{
		name:       "mysql",
		migrations: database.DialectMySQL,
		quoteMark:  "`",
		forUpdate:  " FOR UPDATE",
		precision:  time.Microsecond, // DATETIME(6), unlike Ironic's
		heartbeats: true,
		hasTable: `SELECT 1 FROM information_schema.tables
			WHERE table_schema = DATABASE() AND table_name = ?`,
		open:  func(readOnly bool) (*sql.DB, error) { return sql.OpenDB(mysqlConnector{connect, readOnly}), nil },
		fault: mysqlFault,

		database: o.database,
		notes:    o.notes(),
	}, nil
}

// config are the options in the driver's form.
func (o mysqlOptions) config() (*mysql.Config, error) {
	if o.database == "" {
		return nil, badURL("names no database: mysql://user:password@host/DATABASE")
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = o.user, o.password, o.database
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(o.host, strconv.Itoa(o.port))
	if o.socket != "" {
		cfg.Net, cfg.Addr = "unix", o.socket
	} else if o.bindAddress != "" {
		cfg.DialFunc = dialFrom(o.bindAddress)
	}
	var err error
	if cfg.TLS, err = o.ssl.config(o.host); err != nil {
		return nil, err
	}
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = o.connectTimeout, o.readTimeout, o.writeTimeout
	// Always the whole of Unicode: what Ironic stores in utf8mb3 is the same bytes.
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, badURL("cannot be used: %v", err)
	}
	cfg.Logger = &mysql.NopLogger{}
	cfg.ClientFoundRows = true // "affected" means matched, as in the other two
	cfg.InterpolateParams = true
	cfg.ParseTime = true
	return cfg, nil
}

// dialFrom connects from an address of this host.
func dialFrom(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, to string) (net.Conn, error) {
		from, err := net.ResolveTCPAddr(network, net.JoinHostPort(address, "0"))
		if err != nil {
			return nil, err
		}
		return (&net.Dialer{LocalAddr: from}).DialContext(ctx, network, to)
	}
}

func orDefault[T comparable](v, unset T) T {
	var zero T
	if v == zero {
		return unset
	}
	return v
}

// mysqlConnector makes connections and runs statements on each new one. They
// are statements and not variables in the DSN because MariaDB 10 calls the
// variable tx_read_only and MySQL 8 transaction_read_only.
type mysqlConnector struct {
	// options are how to connect now, and a statement of the operator's to
	// begin with.
	options  func() (*mysql.Config, string, error)
	readOnly bool
}

// Driver implements driver.Connector.
func (mysqlConnector) Driver() driver.Driver { return &mysql.MySQLDriver{} }

// Connect implements driver.Connector.
func (c mysqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	cfg, first, err := c.options()
	if err != nil {
		return nil, err
	}
	cfg = cfg.Clone()
	// A server that became read-only in a fail-over: the driver then closes
	// the connection, and the pool finds the new primary.
	cfg.RejectReadOnly = !c.readOnly
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range c.statements(first) {
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

func (c mysqlConnector) statements(first string) []string {
	var all []string
	if first != "" {
		all = append(all, first)
	}
	if c.readOnly {
		return append(all, "SET SESSION TRANSACTION READ ONLY")
	}
	return append(all,
		// As oslo.db: an over-long value is an error, not cut short.
		"SET SESSION sql_mode = 'TRADITIONAL'",
		// Every write locks its rows first; the gap locks of REPEATABLE READ
		// would only add deadlocks.
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
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
