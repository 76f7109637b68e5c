#!/bin/bash
# The completion offers what fits, and runs nothing that a CIRT sent it.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "completion.sh: $*" >&2; exit 1; }
cat >"$work/cirt" <<'TEXT'
#!/bin/bash
case "$*" in
'--json peer ls') echo '{"items":[{"name":"YY-CERT","title":"x"},{"name":"$(touch pwned)"},{"name":"`touch pwned`"},{"name":"ZZ-CERT"}],"next":null}' ;;
'--json ls is:open --limit 50') echo '{"items":[{"id":"XX-CERT-2026-000042","number":42,"summary":"number\": 66"},{"number":43}]}' ;;
'help share') echo '  --with PEER...  --only FILTER  --dry-run' ;;
esac
TEXT
chmod +x "$work/cirt"
cat >"$work/cirt.conf" <<'TEXT'
default = "lead"
profile "lead" {
}
profile "admin" {
}
TEXT
offers() { # words of the command line, the last being completed
    (
        cd "$work"
        export PATH=$work:$PATH CIRT_CONFIG=$work/cirt.conf
        . "$OLDPWD/packaging/completions/cirt.bash"
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _cirt
        printf '%s' "${COMPREPLY[*]}" | tr -s ' '
    )
}
same() { [[ $1 == "$2" ]] || fail "wanted '$1', got '$2'"; }
same 'share shares show state stats ' "$(offers cirt s | tr ' ' '\n' | grep -v submit | grep -v split | sort | tr '\n' ' ' | sed 's/^ //')"
same 'YY-CERT ZZ-CERT ' "$(offers cirt share 42 --with '')"
same '42 43 ' "$(offers cirt take 4)"
same '--with ' "$(offers cirt share 42 --w)"
same 'amber amber+strict ' "$(offers cirt tlp 42 a)"
same 'lead ' "$(offers cirt --profile l)"
same 'false-positive fixed ' "$(offers cirt close 42 --as f | tr ' ' '\n' | sort | tr '\n' ' ' | sed 's/^ //')"
[[ ! -e $work/pwned ]] || fail 'ran what a peer chose as its name'
