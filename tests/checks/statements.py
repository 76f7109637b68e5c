#!/usr/bin/env python3
"""desk and share say what they may by views and functions only (visible_*, releasable_*), never by a base table; no SQL text in C."""
import os
import pathlib
import re
import sys

root = pathlib.Path(os.environ.get("SOURCE", pathlib.Path(__file__).parents[2]))
bad = []


def without_comments(sql):
    sql = re.sub(r"--[^\n]*", " ", sql)
    sql = re.sub(r"/\*.*?\*/", " ", sql, flags=re.S)
    return re.sub(r"'(?:[^']|'')*'", "''", sql)


def tables():
    found = set()
    for path in sorted((root / "sql" / "migrations").glob("*.sql")):
        for name in re.findall(r"\bCREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.]+)", without_comments(path.read_text()), re.I):
            found.add(name.split(".")[-1].lower())
    return found


# What may follow a relation's name in a FROM list without ending the list.
ENDS = {"where", "group", "order", "having", "limit", "offset", "union", "except", "intersect", "returning", "set", "values", "select", "window", "for", "fetch"}


def relations(sql):
    """The words that stand where a relation stands: after FROM, JOIN, INTO, UPDATE, USING, and after a comma of a FROM list."""
    tokens = re.findall(r"[A-Za-z_][\w.]*|[(),;]|\S", without_comments(sql).lower())
    depth, lists, expect = 0, [], False
    for token in tokens:
        if token == "(":
            if expect:
                expect = False
            depth += 1
        elif token == ")":
            depth -= 1
            lists = [d for d in lists if d <= depth]
        elif token in ("from", "join", "into", "update", "using"):
            expect = True
            if token == "from" and depth not in lists:
                lists.append(depth)
        elif token in ENDS or token == ";":
            lists = [d for d in lists if d != depth]
            expect = False
        elif token == "," and depth in lists:
            expect = True
        elif expect and token in ("only", "lateral"):
            continue
        elif expect:
            expect = False
            yield token.split(".")[-1]


base = tables()
for role in ("desk", "share"):
    path = root / "sql" / "statements" / f"{role}.sql"
    if path.exists():
        for name in relations(path.read_text()):
            if name in base:
                bad.append(f"{path.relative_to(root)}: names the base table {name}; a view visible_{name} or releasable_{name}, or a function, must stand between")

# Uppercase as we write SQL, or a lowercase form that no English sentence has. BEGIN, COMMIT and the like are db.c's own.
SQL = re.compile(r'"\s*(?:(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|GRANT|REVOKE|TRUNCATE|COPY|WITH|SET|LISTEN|NOTIFY|LOCK)\s+\S'
                 r'|(?:select\s[^"]*\sfrom\s|insert into |delete from |update\s\w+\sset\s))')
for folder in ("libcirt", "cirtd", "cli"):
    for path in sorted((root / folder).rglob("*.[ch]")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if SQL.search(line):
                bad.append(f"{path.relative_to(root)}:{number}: SQL text in C; it belongs in sql/statements: {line.strip()}")

print("\n".join(bad), file=sys.stderr)
sys.exit(1 if bad else 0)
