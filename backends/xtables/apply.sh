# SPDX-License-Identifier: MIT
# Its jumps into our chains, each to be put in at its place.
jumps_of() {
	awk -v table="*$2" "$is_jump"'
		/^\*/ { here = $1 == table }
		here && $1 == "-A" { place[$2]++ }
		here && is_jump($0) { print "-I " $2 " " place[$2] substr($0, length("-A " $2) + 1) }' "$1"
}

put_back() { # tool
	mv "$work/$1.saved" "$work/$1.before"
	chains_of "$work/$1.before" "$(table_of "$1")" >"$work/$1.rules"
	jumps_of "$work/$1.before" "$(table_of "$1")" >"$work/$1.hooks"
	look "$1" || return
	transaction "$1" "$work/$1.saved" "$work/$1.rules" "$work/$1.hooks" 0 >"$work/$1.input" &&
		restore "$1" "$work/$1.input"
}

# Load what is prepared, tool by tool; when one fails, put back what the others had.
load() {
	loaded=
	for tool in "$@"; do
		if restore "$tool" "$work/$tool.input"; then
			loaded="$tool $loaded"
			continue
		fi
		say "$(tool_of "$tool")-restore failed (table $(table_of "$tool"))"
		for other in $loaded; do
			if ! put_back "$other"; then
				say "$(name_of "$other") could not be put back: its rules are the new ones"
				exit 3
			fi
		done
		say "nothing has been changed"
		exit 1
	done
}

# Packet rules see bridged packets only when br_netfilter hands them over.
need_bridge_netfilter() { # sysctl
	[ "${NWFC_ASSUME_BR_NETFILTER:-0}" = 1 ] && return
	[ "$(cat "/proc/sys/net/bridge/$1" 2>/dev/null)" = 1 ] && return
	say "net.bridge.$1 is not 1: the packet rules would have no effect"
	say "load the module br_netfilter and set it: modprobe br_netfilter; sysctl -w net.bridge.$1=1"
	say "(NWFC_ASSUME_BR_NETFILTER=1 in the environment loads the rules all the same)"
	say "nothing has been changed"
	exit 1
}

# All units, for what is not needed of them any more may be loaded.
units='ebtables iptables iptables_nat iptables_mangle ip6tables ip6tables_nat'

apply() { # units needed; sysctls needed
	need_root
	for sysctl in $2; do
		need_bridge_netfilter "$sysctl"
	done
	lock
	workspace
	ready=
	for unit in $units; do
		status=0 needed=0
		case "$1 " in *" $unit "*) needed=1 ;; esac
		prepare "$unit" $needed || status=$?
		case $status in
		0) ready="$ready $unit" ;;
		1) ;;
		*)
			say "nothing has been changed"
			exit 1
			;;
		esac
	done
	trap '' HUP INT TERM
	# shellcheck disable=SC2086  # a list of words
	load $ready
}
