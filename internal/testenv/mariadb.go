package testenv

import (
	"database/sql"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// MariaDB returns the URL of a fresh database on the MariaDB server that the
// tests of this process share. The package needs TestMain to call Main.
func MariaDB(tb testing.TB) string {
	tb.Helper()
	s := SharedMariaDB(tb)
	return s.URL(s.Database(tb))
}

// SharedMariaDB returns that server. Do not stop it.
func SharedMariaDB(tb testing.TB) *Server {
	tb.Helper()
	programs := NeedProgram(tb, "mariadbd", "mariadb-install-db")
	return shared.get(tb, "MariaDB", mariadb(programs))
}

// NewMariaDB starts a server for one test, to be stopped and killed at will.
func NewMariaDB(tb testing.TB) *Server {
	tb.Helper()
	return NewMariaDBWith(tb)
}

// NewMariaDBWith is NewMariaDB with further options of mariadbd's.
func NewMariaDBWith(tb testing.TB, options ...string) *Server {
	tb.Helper()
	return private(tb, mariadb(NeedProgram(tb, "mariadbd", "mariadb-install-db"), options...))
}

func mariadb(programs []string, options ...string) func(*Server) engine {
	return func(s *Server) engine {
		data, socket := filepath.Join(s.Dir, "data"), filepath.Join(s.Dir, "socket")
		return engine{
			name:   "MariaDB",
			scheme: "mysql+pymysql",
			socket: "unix_socket=" + socket,
			install: [][]string{{programs[1], "--no-defaults", "--datadir=" + data,
				"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
				"--innodb-log-file-size=8M", "--innodb-flush-method=nosync"}},
			command: append([]string{programs[0], "--no-defaults", "--datadir=" + data, "--socket=" + socket,
				"--bind-address=127.0.0.1", "--port=" + s.Port, "--pid-file=" + filepath.Join(s.Dir, "pid"),
				"--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync",
				"--innodb-doublewrite=0", "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M",
				"--max-connections=" + connections, "--performance-schema=0", "--skip-log-bin", "--character-set-server=utf8mb3"}, options...),
			stop: syscall.SIGTERM,
			admin: func(database string) (*sql.DB, error) {
				cfg := mysql.NewConfig()
				cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "unix", socket, database
				cfg.Logger = &mysql.NopLogger{}
				connector, err := mysql.NewConnector(cfg)
				if err != nil {
					return nil, err
				}
				return sql.OpenDB(connector), nil
			},
			account: []string{
				"CREATE USER '" + Account + "'@'%' IDENTIFIED BY '" + Password + "'",
				"GRANT ALL ON `usher\\_%`.* TO '" + Account + "'@'%'",
			},
			create: func(database string) []string { return []string{"CREATE DATABASE " + database} },
		}
	}
}
