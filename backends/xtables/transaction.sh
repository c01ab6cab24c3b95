# How rules are put in place and taken away. Each tool gets one transaction, made of what is
# loaded now and what shall be: chains of ours (nwfc-*) are emptied and filled
# again, those no longer needed deleted, the jumps into them added where they are
# missing. Nothing else is touched.

PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL
set -u

say() {
	printf 'nwfc: %s\n' "$*" >&2
}

# Of TOOL: its table, and where its base chains jump into ours.
table_of() {
	case $1 in
	ebtables) echo nat ;;
	*) echo filter ;;
	esac
}
hooks_of() {
	case $1 in
	ebtables) printf '%s\n' '-A PREROUTING -j nwfc-out' '-A POSTROUTING -j nwfc-in' ;;
	*) printf '%s\n' '-A FORWARD -j nwfc-forward' '-A INPUT -j nwfc-host' ;;
	esac
}

# The transaction that leads from SAVED to the chains in RULES and the jumps in
# HOOKS, each once; with keep=1 other jumps into our chains may stay. To declare a
# chain empties it, but in ebtables of the legacy kind, which must be told; the
# other kind would take long over being told (quadratic in the chains).
transaction() { # tool saved rules hooks keep
	legacy=0
	if [ "$1" = ebtables ] && ebtables_is_legacy; then
		legacy=1
	fi
	awk -v tool="$1" -v table="*$(table_of "$1")" -v keep="$5" -v legacy=$legacy '
		BEGIN { print table }
		/^#/ || /^$/ { if (part == "rules") print; next }
		part == "saved" && /^\*/ { here = $1 == table; next }
		part == "saved" && !here { next }
		part == "saved" && /^:nwfc-/ { loaded[substr($1, 2)]; next }
		part == "saved" && $1 == "-A" && $2 !~ /^nwfc-/ && $(NF-1) ~ /^-[jg]$/ && $NF ~ /^nwfc-/ { jump[++jumps] = $0 }
		part == "hooks" { wanted[++hooks] = $0; want[$0] }
		part == "rules" && /^:/ { fresh[substr($1, 2)] }
		part == "rules" && /^-F / && !legacy { next }
		part == "rules" { print }
		END {
			for (i = 1; i <= jumps; i++) {
				if (jump[i] in want ? jump[i] in there : !keep) {
					line = jump[i]
					sub(/^-A/, "-D", line)
					print line
				}
				there[jump[i]]
			}
			for (i = 1; i <= hooks; i++)
				if (!(wanted[i] in there)) {
					if (tool != "ebtables")
						sub(/^-A/, "-I", wanted[i])
					print wanted[i]
				}
			for (c in loaded)
				if (!(c in fresh))
					print "-F " c
			for (c in loaded)
				if (!(c in fresh))
					print "-X " c
			if (table == "*filter")
				print "COMMIT"
		}' part=saved "$2" part=hooks "$4" part=rules "$3"
}

restore() { # tool input
	case $1 in
	ebtables) ebtables-restore --noflush <"$2" ;;
	*) "$1-restore" -w --noflush <"$2" ;;
	esac
}

# ebtables-save of the legacy kind asks /usr/sbin/ebtables, whatever ebtables is
# here, and knows tables of loaded modules only.
ebtables_is_legacy() {
	case $(ebtables -V 2>&1) in
	*nf_tables*) return 1 ;;
	esac
}
save() { # tool
	if [ "$1" = ebtables ] && ebtables_is_legacy; then
		ebtables -t nat -L >"$work/listing" || return
		awk '
			/^Bridge table: / { print "*" $3; next }
			/^Bridge chain: / { chain = $3; sub(/,$/, "", chain); print ":" chain, $NF; next }
			/./ { sub(/ $/, ""); line[++lines] = "-A " chain " " $0 }
			END { for (i = 1; i <= lines; i++) print line[i] }' "$work/listing"
	else
		"$1-save"
	fi
}

# Would TOOL take it? iptables can be asked. ebtables can not, but where a
# network namespace of our own can be had, it is tried there; elsewhere the tool
# shows it when it loads, which it does first and whole or not at all.
check() { # tool input rules
	case $1 in
	ebtables)
		! ebtables_is_legacy && unshare -n true 2>/dev/null || return 0
		{
			echo '*nat'
			grep -v '^-F ' "$3"
		} | unshare -n ebtables-restore
		;;
	*) "$1-restore" -w --test --noflush <"$2" ;;
	esac
}

workspace() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/nwfc.XXXXXX") || exit 1
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
}

# How it is now; fails when it can not be found out.
look() { # tool
	save "$1" >"$work/$1.saved" 2>"$work/message" && return
	say "the rules of $1 can not be read:"
	cat "$work/message" >&2
	return 1
}

have() { # tool
	command -v "$1" >/dev/null 2>&1 && command -v "$1-restore" >/dev/null 2>&1
}

# Make the transaction of TOOL ready, and try it. 0: to be loaded; 1: nothing to do; 2: it can not be.
prepare() { # tool needed
	if ! have "$1"; then
		[ "$2" = 1 ] || return 1
		say "$1 is not installed"
		return 2
	fi
	if ! look "$1"; then
		[ "$2" = 1 ] || return 1
		return 2
	fi
	: >"$work/$1.rules"
	: >"$work/$1.hooks"
	keep=0
	if [ "$2" = 1 ]; then
		"rules_$1" >"$work/$1.rules"
		hooks_of "$1" >"$work/$1.hooks"
		keep=1
	elif ! grep -q '^:nwfc-' "$work/$1.saved"; then
		return 1
	fi
	transaction "$1" "$work/$1.saved" "$work/$1.rules" "$work/$1.hooks" $keep >"$work/$1.input" || return 2
	check "$1" "$work/$1.input" "$work/$1.rules" || return 2
}
