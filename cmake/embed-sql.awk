# Turns sql/ into C tables. usage: awk -v out=FILE.h|FILE.c -f embed-sql.awk sql/statements/*.sql ... (see EmbedSql.cmake)
# Blocks start with "-- name: words_here" (statements) or "-- filter: field.comparison" (filters); comment lines at a line's start are dropped.
function base(path) { sub(/.*\//, "", path); sub(/\.sql$/, "", path); return path }
function quoted(text) { gsub(/\\/, "&&", text); gsub(/"/, "\\\\&", text); return "\"" text "\\n\"" }
function finish() { if (open) { if (mode == "c") print "     },"; open = 0 } }
FNR == 1 { finish(); role = base(FILENAME) }
/^-- name: / {
    finish(); name = $3
    if (mode == "h") print "    SQL_" toupper(role) "_" toupper(name) ","
    else { print "    {\"" role "\", \"" name "\","; open = 1 }
    next
}
/^-- filter: / { finish(); if (mode == "c") { split($3, part, "."); print "    {\"" role "\", \"" part[1] "\", \"" part[2] "\","; open = 1 } next }
/^--/ { next }
open && mode == "c" { print "     " quoted($0) }
END { finish() }
