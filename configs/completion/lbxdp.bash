# SPDX-License-Identifier: GPL-2.0-only
# bash completion for lbxdp. Words come from the program's own table, names from a running daemon.

_lbxdp()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' i
	local program=${COMP_WORDS[0]} where=() words='' names='' arguments=0 name

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-S | --socket | --instance)
			where+=("${COMP_WORDS[i]}" "${COMP_WORDS[++i]}")
			;;
		-c | --config)
			((i++))
			;;
		-*) ;;
		*)
			if [[ $command ]]; then
				((++arguments))
			else
				command=${COMP_WORDS[i]}
			fi
			;;
		esac
	done

	case $prev in
	-c | --config | -S | --socket | --ca | --certificate)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--xdp-mode) words='auto native generic' ;;
	--os) words='linux windows' ;;
	--mode) words='l4-dr l7-tcp l7-http' ;;
	--verify) words='none ca' ;;
	--instance | --timeout | --request | --expect | --method | --host | --sni | --helo | --send)
		return
		;;
	esac
	if [[ $words ]]; then
		: # the value of an option
	elif [[ ! $command ]]; then
		words="$("$program" --words 2>/dev/null) --version --help"
	elif [[ $cur == -* ]]; then
		words=$("$program" --words "$command" 2>/dev/null)
	else
		case $command in
		drain | halt | online | isolate)
			names=$("$program" names "${where[@]}" 2>/dev/null)
			;;
		weight)
			if ((arguments)); then
				words=default
			else
				names=$("$program" names "${where[@]}" 2>/dev/null)
			fi
			;;
		real-script | trace)
			names=$("$program" names "${where[@]}" 2>/dev/null | cut -d/ -f1 | sort -u)
			;;
		up | down | check) words=$(ls /sys/class/net 2>/dev/null) ;;
		reload) words='certificates' ;;
		report) words='l4 l7 flows sessions checks' ;;
		init) words='exchange' ;;
		doctor) words='arp exchange' ;;
		help) words=$("$program" --words 2>/dev/null) ;;
		probe) words='ping connect tcp http https smtp imap imaps pop3 pop3s' ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	while IFS= read -r name; do # a name may hold spaces, and stands there quoted
		[[ $name && $(printf %q "$name") == "$cur"* ]] && COMPREPLY+=("$(printf %q "$name")")
	done <<<"$names"
}

complete -F _lbxdp lbxdp
