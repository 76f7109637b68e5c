# bash completion for cirt, written by: cirt completion bash
# Candidates come from the table of commands and from the desk, as plain words that cirt has filtered. They are
# compared here and never reach compgen -W, which would run $(...) inside them.
_cirt() {
    local words=() word current shown
    # The shell parts words at colons too: "state:new" comes in three.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        if ((${#words[@]})) && [[ $word == :* || ${words[-1]} == *: ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
    done
    current=${words[-1]:-} COMPREPLY=()
    shown=${current%"${current##*:}"}
    while IFS= read -r word; do
        [[ $word == "$current"* ]] && COMPREPLY+=("${word#"$shown"}")
    done < <(command cirt __complete "${words[@]}" 2>/dev/null)
    # No file begins so: what stands before the colon is a field.
    [[ $current != *:* ]] || compopt +o default 2>/dev/null
    return 0
}
complete -o default -F _cirt cirt
