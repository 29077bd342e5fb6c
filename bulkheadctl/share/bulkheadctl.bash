# bash completion for bulkheadctl; made by "bulkheadctl completion bash"
_bulkheadctl() {
    local word=${COMP_WORDS[COMP_CWORD]} words= then=
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "list show start stop restart kill events watch metrics time log console dump define set undefine link unlink apply agent reset poweroff shell net disk survey check suggest boot completion man help" -- "$word"))
        return
    fi
    case ${COMP_WORDS[1]} in
        list) words="--names --json" then= ;;
        show) words="--json" then=names ;;
        start) words="--json --timeout" then=names ;;
        stop) words="--within --force --json --timeout" then=names ;;
        restart) words="--within --force --json --timeout" then=names ;;
        kill) words="--json --timeout" then=names ;;
        events) words="--follow --json" then= ;;
        watch) words="--json" then= ;;
        metrics) words="" then= ;;
        time) words="--json" then= ;;
        log) words="--json --timeout" then=names ;;
        console) words="--timeout" then=names ;;
        dump) words="--stop --json --timeout" then=names ;;
        define) words="--json --timeout" then=names ;;
        set) words="--json --timeout" then=names ;;
        undefine) words="--json --timeout" then=names ;;
        link) words="--json --timeout" then=names ;;
        unlink) words="--json --timeout" then=names ;;
        apply) words="--dry-run --restart --json --timeout" then=files ;;
        agent) words="--login --no-login --poweroff-command --reboot-command --leave" then= ;;
        reset) words="--force --json --timeout" then= ;;
        poweroff) words="--force --json --timeout" then= ;;
        shell) words="--json --timeout" then= ;;
        net) words="" then=names ;;
        disk) words="--serve --read-only" then=names ;;
        survey) words="--from --save" then= ;;
        check) words="--from --image" then=files ;;
        suggest) words="--from --image" then= ;;
        boot) words="--now" then= ;;
        completion) words="bash" then= ;;
        man) words="" then= ;;
        help) words="" then= ;;
    esac
    if [ "${word#-}" = "$word" ]; then
        case $then in
            names) words=$(bulkheadctl list --names 2>/dev/null) ;;
            files) COMPREPLY=($(compgen -f -- "$word")); return ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _bulkheadctl bulkheadctl
