# bash completion for cirt, written by: cirt completion bash
# Candidates come from the table of commands and from the desk, as plain words that cirt has filtered. They are
# compared here and never reach compgen -W, which would run $(...) inside them.
_cirt() {
    local current=${COMP_WORDS[COMP_CWORD]} word
    COMPREPLY=()
    while IFS= read -r word; do
        [[ $word == "$current"* ]] && COMPREPLY+=("$word")
    done < <(command cirt __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _cirt cirt
