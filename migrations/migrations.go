// Package migrations embeds the database schema as numbered SQL files, applied
// in order by tern. River's own tables are migrated by River itself.
package migrations

import "embed"

// Files holds the migrations, NNN_name.sql.
//
//go:embed *.sql
var Files embed.FS
