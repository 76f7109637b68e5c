#!/bin/bash
# The arrows of docs/ARCHITECTURE.md: which folder may include which, and which library's headers have one home only.
set -euo pipefail
cd "${SOURCE:-$(dirname "$0")/../..}"
bad=0
complain() { echo "$*" >&2; bad=1; }

# folder | what its files may include ("X/" a folder, "X/y" one header); a folder may always include itself.
arrows='
libcirt/base   |
libcirt/model  | base/
libcirt/rules  | model/ base/
libcirt/codec  | model/ base/
libcirt/crypto | base/
libcirt/wire   | model/ base/
libcirt/store  | model/ base/
cirtd          | base/ model/ rules/ codec/ crypto/ wire/ store/ cirtd/
cirtd/gate     | base/ model/ crypto/ wire/ cirtd/:top
cirtd/intake   | base/ model/ rules/ codec/ crypto/ wire/ store/ cirtd/:top
cirtd/mail     | base/ model/ rules/ codec/ crypto/ wire/ store/ cirtd/:top
cirtd/desk     | base/ model/ rules/ codec/ crypto/ wire/ store/ cirtd/:top
cirtd/stages   | base/ model/ rules/ codec/ crypto/ wire/ store/ cirtd/:top
cli            | base/ model/ codec/ rules/ wire/ crypto/mtls.h crypto/openpgp.h crypto/key_block.h
cli/tui        | base/ model/ codec/ rules/ wire/ cli/
'
allowed() { # FILE INCLUDED ALLOWED-LIST
    local word folder
    folder=${1%/*}
    [[ $2 == "${folder#libcirt/}"/* ]] && return 0
    for word in $3; do
        case $word in
        *:top) [[ $2 == "${word%:top}"* && ${2#"${word%:top}"} != */* ]] && return 0 ;;
        */) [[ $2 == "$word"* ]] && return 0 ;;
        *) [[ $2 == "$word" ]] && return 0 ;;
        esac
    done
    return 1
}
# A stage may be several files: verify.c, verify_verdict.c, verify_inside.h.
stage_of() { local name=${1##*/}; name=${name%.[ch]}; echo "${name%%_*}"; }
while IFS='|' read -r folder list; do
    folder=${folder// /}
    [[ -n $folder ]] || continue
    for file in "$folder"/*.[ch]; do
        [[ -e $file ]] || continue
        while read -r included; do
            # The SQL embedded at build time belongs to the store.
            [[ $folder == libcirt/store && $included == embedded_sql.h ]] && continue
            allowed "$file" "$included" "$list" || complain "$file: may not include \"$included\" (see the arrows in docs/ARCHITECTURE.md)"
            if [[ $folder == cirtd/stages && $included == cirtd/stages/* && $included != cirtd/stages/stages.h && "$(stage_of "$included")" != "$(stage_of "$file")" ]]; then
                complain "$file: a stage includes another, \"$included\""
            fi
        done < <(sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$file")
    done
done <<<"$arrows"

# library header (regular expression) | the only places that may include it
homes='
libpq-fe\.h              | libcirt/store/
gpgme\.h                 | libcirt/crypto/openpgp
openssl/.*               | libcirt/crypto/ cirtd/gate/
curl/.*                  | libcirt/wire/http_client.c libcirt/wire/smtp_client.c
event2/.*                | cirtd/gate/ cirtd/mail/
event\.h                 | cirtd/gate/ cirtd/mail/
http_parser\.h           | cirtd/gate/
gmime/.*                 | libcirt/codec/
libxml/.*                | libcirt/codec/
csv\.h                   | libcirt/codec/
archive.*\.h             | libcirt/codec/mail_archive.c libcirt/codec/unpack.c
pcre2\.h                 | libcirt/model/filter_pattern.c
confuse\.h               | cirtd/config.c cli/
'
while IFS='|' read -r header places; do
    header=${header// /}
    [[ -n $header ]] || continue
    while IFS=: read -r file _; do
        for place in $places; do
            [[ $file == "$place"* ]] && continue 2
        done
        complain "$file: includes <$header>, whose only home is $places"
    done < <(grep -rnE "^ *# *include *[<\"]$header[>\"]" libcirt cirtd cli --include='*.[ch]' 2>/dev/null || true)
done <<<"$homes"
exit $bad
