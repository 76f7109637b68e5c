#!/bin/bash
# What is shown to a person: labels as the standard writes them, long reports by their beginning, nothing that wraps.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home
samples=$SOURCE/packaging/samples
csv=$(as home feed --json submit "$samples/2026-11-20-event4_sinkhole_http-xx_cert.csv" | value 'd["report"]')
iodef=$(as home feed --json submit "$samples/phishing.iodef.xml" | value 'd["report"]')
triaged home

contains 'the label' 'TLP:GREEN' "$(as home lead report show "$iodef")"
shown=$(as home lead report show "$csv")
contains 'an assumed label' 'TLP:AMBER (assumed)' "$shown"
contains 'how many' 'first 10 of 214' "$shown"
equal 'a line an observation' 10 "$(grep -c 198.51.100 <<<"$shown")"
equal 'as many as asked for' 25 "$(as home lead report show "$csv" --limit 25 | grep -c ' source ')"
equal 'all' 214 "$(as home lead report show "$csv" --all | grep -c ' source ')"
lacks 'all means all' 'first ' "$(as home lead report show "$csv" --all)"
equal 'for programs the first 100' 100 "$(as home lead --json report show "$csv" | value 'len(d["observation_list"])')"
equal 'or more' 120 "$(as home lead --json report show "$csv" --limit 120 | value 'len(d["observation_list"])')"
exits 2 as home lead report show "$csv" --limit 0
exits 2 as home lead report show "$csv" --limit many
equal 'too many' 400 "$(at home curl_as lead "$(at home printenv CIRT_DESK_URL)/v1/reports/$csv?observations=10001" | tail -n 1)"

# a terminal of 80 columns
number=$(as home lead --json ls is:any | value 'max(d["items"], key=lambda c: c["observations"])["number"]')
narrow() { # what a terminal of 80 columns gets, without colours
    python3 - "$@" <<'PY'
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[1], sys.argv[1:])
text = b""
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    text += part
os.waitpid(child, 0)
sys.stdout.write(text.decode().replace("\r\n", "\n"))
PY
}
for words in "ls is:any" "show $number" "report ls" "report show $csv" "report show $iodef" "find 198.51.100.20" "journal $number" 'help share' 'help submit' doctor; do
    # shellcheck disable=SC2086
    said=$(at home narrow cirt $words)
    [[ -n $said ]] || fail "nothing: $words"
    python3 -c 'import sys; sys.exit(any(len(line) > 80 for line in sys.argv[1].split("\n")))' "$said" || fail "wider than 80 columns: $words: $said"
done
