package inventory

import (
	"crypto/tls"
	"database/sql"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3/database"
)

// postgresOptions are libpq's, as far as they mean something here. Any other
// one would be sent to the server as a setting and refuse the connection.
var postgresOptions = map[string]bool{
	"host": true, "port": true, "user": true, "password": true, "dbname": true,
	"sslmode": true, "sslrootcert": true, "sslcert": true, "sslkey": true, "sslpassword": true,
	"sslnegotiation": true, "sslsni": true, "connect_timeout": true, "application_name": true,
	"options": true, "target_session_attrs": true, "channel_binding": true,
	"service": true, "passfile": true, // files, read as libpq reads them
}

// idlePostgres are options of libpq's that change nothing of what Usher reads
// or writes: it speaks UTF-8, no Kerberos, and Go keeps connections alive.
func idlePostgres() []string {
	return []string{"client_encoding", "fallback_application_name", "gsslib", "keepalives", "keepalives_count", "keepalives_idle",
		"keepalives_interval", "krbsrvname", "sslcompression", "tcp_user_timeout"}
}

// takeMinVersion removes ssl_min_protocol_version; less than TLS 1.2 is never
// spoken.
func takeMinVersion(loc *location) (uint16, error) {
	switch loc.take("ssl_min_protocol_version") {
	case "", "TLSv1", "TLSv1.1", "TLSv1.2":
		return tls.VersionTLS12, nil
	case "TLSv1.3":
		return tls.VersionTLS13, nil
	}
	return 0, badURL("option ssl_min_protocol_version must be TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3")
}

// newPostgres reads postgresql://, postgresql+psycopg2://, ... with libpq's options.
func newPostgres(loc location) (*dialect, error) {
	idle := loc.takeIdle(idlePostgres())
	minVersion, err := takeMinVersion(&loc)
	if err != nil {
		return nil, err
	}
	for key := range loc.query {
		if !postgresOptions[key] {
			return nil, badURL("has the option %q, which Usher does not know for postgresql", key)
		}
	}
	// The password goes past the parser, whose errors quote what it was given.
	password := loc.password
	if p := loc.take("password"); p != "" {
		password = p
	}
	if name := loc.take("dbname"); name != "" {
		loc.database = name
	}
	cfg, err := pgx.ParseConfig(libpqURL(loc))
	if err != nil {
		return nil, badURL("cannot be used: %s", parseCause(err))
	}
	if cfg.Database == "" {
		return nil, badURL("names no database: postgresql://user:password@host/DATABASE")
	}
	setMinVersion(cfg, minVersion)
	if password != "" {
		cfg.Password = password
	}
	return &dialect{
		name:       "postgres",
		migrations: database.DialectPostgres,
		numbered:   true,
		quoteMark:  `"`,
		forUpdate:  " FOR UPDATE",
		returning:  true,
		precision:  time.Microsecond,
		heartbeats: true,
		// Not information_schema, which hides what the account may not read.
		hasTable: `SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass(?)`,
		open: func(readOnly bool) (*sql.DB, error) {
			c := cfg.Copy()
			if readOnly {
				c.RuntimeParams["default_transaction_read_only"] = "on"
			} else if c.ValidateConnect == nil {
				// After a fail-over a list of hosts may start with a standby.
				c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
			}
			return stdlib.OpenDB(*c), nil
		},
		fault: postgresFault,

		database: cfg.Database,
		notes:    idleNotes(idle),
	}, nil
}

func setMinVersion(cfg *pgx.ConnConfig, version uint16) {
	for _, c := range append([]*pgconn.FallbackConfig{{TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...) {
		if c.TLSConfig != nil {
			c.TLSConfig.MinVersion = version
		}
	}
}

func libpqURL(loc location) string {
	u := url.URL{Scheme: "postgres", Path: "/" + loc.database}
	if loc.user != "" {
		u.User = url.User(loc.user)
	}
	u.Host = loc.host
	if strings.Contains(loc.host, ":") {
		u.Host = "[" + loc.host + "]"
	}
	if loc.port != 0 {
		u.Host += ":" + strconv.Itoa(loc.port)
	}
	if loc.query.Get("connect_timeout") == "" {
		loc.query.Set("connect_timeout", "5")
	}
	if loc.query.Get("application_name") == "" {
		loc.query.Set("application_name", "usher")
	}
	u.RawQuery = loc.query.Encode()
	return u.String()
}

// parseCause is the innermost reason, without the connection string that the
// outer ones quote.
func parseCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	if _, ok := errors.AsType[*pgconn.ParseConfigError](err); ok {
		return "an option has a value that is not allowed"
	}
	return err.Error()
}

// postgresFault reads SQLSTATE codes.
func postgresFault(err error) fault {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if _, ok := errors.AsType[*pgconn.ConnectError](err); ok || pgconn.SafeToRetry(err) {
			return faultLost
		}
		return faultOther
	}
	switch e.Code {
	case "23505":
		return faultDuplicate
	case "23503":
		return faultReference
	case "40001", "40P01": // serialization failure, deadlock
		return faultRetry
	case "25006": // read-only transaction
		return faultReadOnly
	case "55P03", "57014", "57P03", "58000", "58030": // lock, cancelled, starting up, system and I/O errors
		return faultDown
	}
	switch e.Code[:2] {
	case "08", "57": // connection exceptions, operator intervention (shutdown, crash)
		return faultLost
	case "53": // insufficient resources: connections, memory, disk
		return faultDown
	case "22": // data exception
		return faultValue
	}
	return faultOther
}
