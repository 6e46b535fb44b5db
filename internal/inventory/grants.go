package inventory

import (
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

// Grants are the statements by which a database's administrator lets an
// account read what a Reader needs and nothing else, for the database that a
// URL names. host is where the account comes from, for MariaDB and MySQL.
func Grants(rawURL, account, host string) ([]string, error) {
	d, err := newDialect(rawURL)
	if err != nil {
		return nil, err
	}
	for _, word := range []string{account, host, d.database} {
		if word == "" || strings.ContainsAny(word, "'\"`\\\x00\n") {
			return nil, usher.Errorf(usher.ErrInvalid, "%q cannot be part of a GRANT statement", word)
		}
	}
	switch d.name {
	case "mysql":
		return mysqlGrants(d.database, account, host), nil
	case "postgres":
		return postgresGrants(d.database, account), nil
	}
	return nil, usher.Errorf(usher.ErrUnsupported,
		"SQLite has no accounts: let Usher's account read %s and the folder that it is in", d.database)
}

func mysqlGrants(database, account, host string) []string {
	to := "'" + account + "'@'" + host + "'"
	statements := []string{"CREATE USER IF NOT EXISTS " + to + " IDENTIFIED BY 'CHANGE-ME'"}
	for _, t := range slices.Concat(ReaderTables(), MoreTables()) {
		statements = append(statements, "GRANT SELECT (`"+strings.Join(t.Columns, "`, `")+"`) ON `"+database+"`.`"+t.Name+"` TO "+to)
	}
	return statements
}

func postgresGrants(database, account string) []string {
	to := `"` + account + `"`
	statements := []string{
		"CREATE USER " + to + " PASSWORD 'CHANGE-ME'",
		`GRANT CONNECT ON DATABASE "` + database + `" TO ` + to,
		"GRANT USAGE ON SCHEMA public TO " + to,
	}
	for _, t := range slices.Concat(ReaderTables(), MoreTables()) {
		statements = append(statements, `GRANT SELECT ("`+strings.Join(t.Columns, `", "`)+`") ON `+t.Name+" TO "+to)
	}
	return statements
}
