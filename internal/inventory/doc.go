// Package inventory reads and writes nodes, ports and conductors in SQL:
// SQLite, MariaDB (or MySQL) and PostgreSQL.
//
// A Reader runs SELECTs on the columns that Usher's schema shares with
// Ironic's, in a session that cannot write, and never touches a column that
// holds secrets. A Store is a Reader of Usher's own database plus every
// write; it refuses to open a database of Ironic's.
//
// The package follows ironic/db/sqlalchemy/models.py (tables, columns, types)
// and ironic/db/sqlalchemy/api.py (what a lock, a filter, a page and a clash
// mean). It is deliberately not an object mapper, and it decides nothing about
// provision states, hash rings or who may do what. It caches nothing, except
// that a Store on SQLite, which nobody else writes to, keeps the rows that boot
// requests read in memory (see Store.KeepRows).
package inventory
