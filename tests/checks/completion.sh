#!/bin/bash
# The completion offers what fits, and runs nothing that a CIRT sent it.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
: "${BUILD:?the build directory}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "completion.sh: $*" >&2; exit 1; }
cmp -s packaging/completions/cirt.bash <("$BUILD/cirt" completion bash) || fail 'packaging/completions/cirt.bash is not what cirt completion bash prints'
# A comment may name it; nothing may call it.
! grep -v '^#' packaging/completions/cirt.bash | grep -q compgen || fail 'compgen is used'
offers() { # PATH, words of the command line, the last being completed
    (
        export PATH=$1:$PATH CIRT_CONFIG=$work/none
        shift
        . packaging/completions/cirt.bash
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        cd "$work"
        _cirt
        printf '%s ' "${COMPREPLY[@]}"
    )
}
same() { [[ $1 == "$2" ]] || fail "wanted '$1', got '$2'"; }
same 'show summary state submit share shares setting suppression ' "$(offers "$BUILD" cirt s)"
same 'ls show edit send rm ' "$(offers "$BUILD" cirt draft '')"
same '--to --thread --template --tlp ' "$(offers "$BUILD" cirt mail 42 --t)"
same 'ls show raw replay verify accept reject ' "$(offers "$BUILD" cirt report '' | sed 's/^new //')"
same '--with --wait ' "$(offers "$BUILD" cirt share 42 --w)"
same 'amber amber+strict ' "$(offers "$BUILD" cirt tlp 42 a)"
same 'fixed false-positive ' "$(offers "$BUILD" cirt close 42 --as f)"
same 'high ' "$(offers "$BUILD" cirt --json priority 42 h)"
same 'fraud/phishing ' "$(offers "$BUILD" cirt classify 42 fraud/ph)"
same 'domain: ' "$(offers "$BUILD" cirt ls is:open dom)"
same 'domain: ' "$(offers "$BUILD" cirt ls is : open dom)"
same 'waiting ' "$(offers "$BUILD" cirt ls state : w)"
same 'held ' "$(offers "$BUILD" cirt report ls state : he)"
same 'open overdue mine any unowned ' "$(offers "$BUILD" cirt ls is :)"
same 'high ' "$(offers "$BUILD" cirt ls is : open priority : h)"
same 'rpz ' "$(offers "$BUILD" cirt indicator export --format r)"
same 'shadowserver stix ' "$(offers "$BUILD" cirt submit x --format s)"
same 'rid ' "$(offers "$BUILD" cirt share 42 --with YY-CERT --format r)"
same 'csv ' "$(offers "$BUILD" cirt show 42 --format c)"
same 'ls add done ' "$(offers "$BUILD" cirt task 42 '')"
same 'ls add get verify ' "$(offers "$BUILD" cirt evidence 42 '')"
same 'resolved rejected ' "$(offers "$BUILD" cirt state 42 re)"
printf '%s\n' 'default = "ama"' 'profile "ama" { url = "https://ama.example" }' 'profile "bea" { url = "https://bea.example" }' >"$work/none"
same 'ama bea ' "$(offers "$BUILD" cirt --profile '')"
# Whatever stands where cirt stands cannot make the shell run something.
mkdir "$work/bad"
cat >"$work/bad/cirt" <<'TEXT'
#!/bin/bash
echo 'YY-CERT'
echo '$(touch pwned)'
echo '`touch pwned`'
TEXT
chmod +x "$work/bad/cirt"
offers "$work/bad" cirt share 42 --with '' >/dev/null
[[ ! -e $work/pwned ]] || fail 'ran what a peer chose as its name'
