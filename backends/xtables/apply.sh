# SPDX-License-Identifier: MIT
# What SAVED has of ours; `Length' is how ebtables-save writes the type 0x0600.
chains_of() {
	awk -v table="*$2" '
		/^\*/ { here = $1 == table }
		here && /^:nwfc-/ {
			print $1, (table == "*nat" ? "RETURN" : "- [0:0]")
			if (table == "*nat")
				print "-F " substr($1, 2)
		}
		here && /^-A nwfc-/ { sub(/ -p Length /, " -p 0x0600 "); print }' "$1"
}

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
		say "$tool-restore failed"
		for other in $loaded; do
			if ! put_back "$other"; then
				say "$other could not be put back: its rules are the new ones"
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

apply() { # needed: ebtables iptables ip6tables
	need_root
	[ "$2" = 0 ] || need_bridge_netfilter bridge-nf-call-iptables
	[ "$3" = 0 ] || need_bridge_netfilter bridge-nf-call-ip6tables
	lock
	workspace
	ready=
	for tool in ebtables iptables ip6tables; do
		status=0
		prepare "$tool" "$1" || status=$?
		shift
		case $status in
		0) ready="$ready $tool" ;;
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
