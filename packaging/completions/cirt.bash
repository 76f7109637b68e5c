# bash completion for cirt. Install as /usr/share/bash-completion/completions/cirt, or source it.
#
# What comes from a CIRT (peers, logins, tags) was chosen by others: it is matched and printed here as plain words. It never reaches
# `compgen -W`, which would run $(...) inside it.

# _cirt_offer CURRENT WORD... : those that begin with CURRENT.
_cirt_offer() {
    local current=$1 word
    shift
    for word in "$@"; do
        [[ $word == "$current"* ]] && COMPREPLY+=("$word ")
    done
}

# _cirt_ask FIELD ARGS... : one member of each item of a list, only harmless words of it.
_cirt_ask() {
    local field=$1 line
    shift
    while IFS= read -r line; do
        [[ $line =~ ^[A-Za-z0-9@._-]{1,64}$ ]] && printf '%s\n' "$line"
    done < <(command cirt --json "$@" 2>/dev/null | tr ',{}[]' '\n' | sed -n 's/^ *"'"$field"'": *"\{0,1\}\([^"]*\)"\{0,1\} *$/\1/p' | head -n 200)
}

_cirt() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} index command='' operands=0 word
    local -a found
    local cases='show journal take assign unassign escalate priority classify tlp tag note state wait close reopen share shares task evidence reply notify ask merge unmerge split link'
    local records='peer agreement community constituent rule feed key analyst'
    local commands="submit report ls find watch indicator withdraw incoming bundle drill stats tui doctor version help $cases $records"
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        case $word in
        --profile) index=$((index + 1)) ;;
        --*) ;;
        *) if [[ -z $command ]]; then command=$word; else operands=$((operands + 1)); fi ;;
        esac
    done
    case $previous in
    --profile)
        # The profiles are our own file's.
        mapfile -t found < <(sed -n 's/^ *profile *"\{0,1\}\([A-Za-z0-9._-]*\)"\{0,1\} *{.*/\1/p' "${CIRT_CONFIG:-$HOME/.config/cirt/cirt.conf}" 2>/dev/null)
        _cirt_offer "$current" "${found[@]}"
        return ;;
    --with) mapfile -t found < <(_cirt_ask name peer ls); _cirt_offer "$current" "${found[@]}"; return ;;
    --tlp | --ceiling) _cirt_offer "$current" clear green amber amber+strict red; return ;;
    --as) _cirt_offer "$current" fixed mitigated false-positive not-ours no-answer duplicate; return ;;
    --to) _cirt_offer "$current" lead duty; return ;;
    --channel) _cirt_offer "$current" phone walk-in chat letter; return ;;
    --file | --key | --ca | --openpgp) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    esac
    if [[ -z $command ]]; then
        # shellcheck disable=SC2086
        _cirt_offer "$current" $commands --profile --json --help
        return
    fi
    if [[ $current == --* ]]; then
        mapfile -t found < <(command cirt help "$command" 2>/dev/null | grep -o -- '--[a-z][a-z-]*' | sort -u)
        _cirt_offer "$current" "${found[@]}"
        return
    fi
    case $command in
    submit) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    # shellcheck disable=SC2086
    help) _cirt_offer "$current" $commands ;;
    report) ((operands)) || _cirt_offer "$current" new ls show raw replay verify ;;
    incoming) ((operands)) || _cirt_offer "$current" ls show accept decline ;;
    indicator) ((operands)) || _cirt_offer "$current" ls add rm export ;;
    peer | agreement | community | constituent | rule | feed | key | analyst) ((operands)) || _cirt_offer "$current" ls show add set rm ;;
    *)
        if [[ " $cases " == *" $command "* ]] && ((operands == 0)); then
            mapfile -t found < <(_cirt_ask number ls is:open --limit 50)
            _cirt_offer "$current" "${found[@]}"
        elif ((operands == 1)); then
            case $command in
            assign) mapfile -t found < <(_cirt_ask login analyst ls); _cirt_offer "$current" "${found[@]}" ;;
            priority) _cirt_offer "$current" critical high medium low ;;
            tlp) _cirt_offer "$current" clear green amber amber+strict red ;;
            state) _cirt_offer "$current" new open waiting resolved closed ;;
            esac
        fi ;;
    esac
}
complete -o nospace -F _cirt cirt
