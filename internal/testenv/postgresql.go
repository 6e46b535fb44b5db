package testenv

import (
	"database/sql"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// PostgreSQL returns the URL of a fresh database on the PostgreSQL server
// that the tests of this process share. The package needs TestMain to call
// Main.
func PostgreSQL(tb testing.TB) string {
	tb.Helper()
	s := SharedPostgreSQL(tb)
	return s.URL(s.Database(tb))
}

// SharedPostgreSQL returns that server. Do not stop it.
func SharedPostgreSQL(tb testing.TB) *Server {
	tb.Helper()
	return shared.get(tb, "PostgreSQL", postgres(needPostgres(tb)))
}

// NewPostgreSQL starts a server for one test, to be stopped and killed at will.
func NewPostgreSQL(tb testing.TB) *Server {
	tb.Helper()
	return private(tb, postgres(needPostgres(tb)))
}

// needPostgres finds the server's programs, which Debian keeps per version.
func needPostgres(tb testing.TB) string {
	tb.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for i := len(found) - 1; i >= 0; i-- {
		if _, err := os.Stat(filepath.Join(found[i], "initdb")); err == nil && !testing.Short() {
			return found[i]
		}
	}
	return filepath.Dir(NeedProgram(tb, "initdb", "postgres")[0])
}

func postgres(bin string) func(*Server) engine {
	return func(s *Server) engine {
		data := filepath.Join(s.Dir, "data")
		return engine{
			name:   "PostgreSQL",
			scheme: "postgresql+psycopg2",
			socket: "host=" + s.Dir + "&port=" + s.Port,
			install: [][]string{{filepath.Join(bin, "initdb"), "--pgdata=" + data, "--username=postgres",
				"--encoding=UTF8", "--no-locale", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"}},
			command: []string{filepath.Join(bin, "postgres"), "-D", data, "-k", s.Dir, "-h", "127.0.0.1", "-N", connections,
				"-p", s.Port, "-F", // no fsync
				"-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB"},
			stop: syscall.SIGINT, // "fast": ends sessions instead of waiting for them
			admin: func(database string) (*sql.DB, error) {
				if database == "" {
					database = "postgres"
				}
				cfg, err := pgx.ParseConfig("postgres://postgres@/" + database + "?host=" + s.Dir + "&port=" + s.Port)
				if err != nil {
					return nil, err
				}
				return stdlib.OpenDB(*cfg), nil
			},
			account: []string{"CREATE ROLE " + Account + " LOGIN PASSWORD '" + Password + "'"},
			create: func(database string) []string {
				return []string{"CREATE DATABASE " + database + " OWNER " + Account}
			},
		}
	}
}
