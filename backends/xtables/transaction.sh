# SPDX-License-Identifier: MIT
# How rules are put in place and taken away. Each tool gets one transaction, made of what is
# loaded now and what shall be: chains of ours (nwfc-*) are emptied and filled
# again, those no longer needed deleted, the jumps into them added where they are
# missing. Nothing else is touched.

# A unit is a table of a tool: `iptables' is its table filter, `iptables_nat' its
# table nat. Of a unit: its tool, its table, and where the table's base chains jump
# into ours, as far as the rules have those.
tool_of() {
	echo "${1%%_*}"
}
name_of() { # for people
	case $1 in
	*_*) echo "$(tool_of "$1")'s table $(table_of "$1")" ;;
	*) echo "$1" ;;
	esac
}
table_of() {
	case $1 in
	ebtables | *_nat) echo nat ;;
	*_mangle) echo mangle ;;
	*) echo filter ;;
	esac
}
hooks_of() {
	case $1 in
	ebtables) printf '%s\n' '-A PREROUTING -j nwfc-out' '-A POSTROUTING -j nwfc-in' ;;
	*_nat) echo '-A POSTROUTING -j nwfc-nat' ;;
	*_mangle) echo '-A POSTROUTING -j nwfc-mangle' ;;
	*) printf '%s\n' '-A FORWARD -j nwfc-forward' '-A INPUT -j nwfc-host' '-A OUTPUT -j nwfc-replies' ;;
	esac
}

# For awk: does the line, as the tools print it, jump from a chain of others into
# one of ours? Its last two words say so, if they are no part of a quoted text.
is_jump='
	function is_jump(line, word, n) {
		gsub(/ "([^"\\]|\\.)*"/, " \"\"", line)
		n = split(line, word)
		return word[1] == "-A" && word[2] !~ /^nwfc-/ &&
			word[n - 1] ~ /^-[jg]$/ && word[n] ~ /^nwfc-[^"]*$/
	}'

# The transaction that leads from SAVED to the chains in RULES. With keep=1 the
# jumps in HOOKS are there once, for iptables above all others: who lets packets
# pass there shall not do so before us. Other jumps into our chains may stay. With
# keep=0 the jumps into our chains are those in HOOKS, word by word.
# To declare a chain empties it, but in ebtables of the legacy kind, which must be
# told; the other kind would take long over being told (quadratic in the chains).
transaction() { # tool saved rules hooks keep
	legacy=0
	if [ "$1" = ebtables ] && ebtables_is_legacy; then
		legacy=1
	fi
	awk -v tool="$1" -v table="*$(table_of "$1")" -v keep="$5" -v legacy=$legacy "$is_jump"'
		function in_place(line) {
			return count[line] == 1 && (tool == "ebtables" || place[line] == 1)
		}
		function gone(line) {
			sub(/^.* /, "", line)
			return !(line in fresh)
		}
		BEGIN { print table }
		/^#/ || /^$/ { if (part == "rules") print; next }
		part == "saved" && /^\*/ { here = $1 == table; next }
		part == "saved" && !here { next }
		part == "saved" && /^:nwfc-/ { loaded[substr($1, 2)]; next }
		part == "saved" && $1 == "-A" { rules[$2]++ }
		part == "saved" && is_jump($0) {
			jump[++jumps] = $0
			count[$0]++
			place[$0] = rules[$2]
		}
		part == "hooks" { wanted[++hooks] = $0; want[$0] }
		part == "rules" && /^:/ { fresh[substr($1, 2)] }
		part == "rules" && /^-F / && !legacy { next }
		part == "rules" { print }
		END {
			for (i = 1; i <= jumps; i++)
				if (!keep || gone(jump[i]) || (jump[i] in want && !in_place(jump[i])))
					print "-D" substr(jump[i], 3)
			for (i = 1; i <= hooks; i++)
				if (gone(wanted[i]))
					continue
				else if (!keep || tool == "ebtables" && !in_place(wanted[i]))
					print wanted[i]
				else if (!in_place(wanted[i]))
					print "-I" substr(wanted[i], 3)
			for (c in loaded)
				if (!(c in fresh))
					print "-F " c
			for (c in loaded)
				if (!(c in fresh))
					print "-X " c
			if (tool != "ebtables")
				print "COMMIT"
		}' part=saved "$2" part=hooks "$4" part=rules "$3"
}

restore() { # tool input
	case $1 in
	ebtables) ebtables-restore --noflush <"$2" ;;
	*) "$(tool_of "$1")-restore" -w --noflush <"$2" ;;
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
		"$(tool_of "$1")-save"
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
	*) "$(tool_of "$1")-restore" -w --test --noflush <"$2" ;;
	esac
}

workspace() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/nwfc.XXXXXX") || exit 1
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
}

can_be_read() { # unit
	grep "^# Table .$(table_of "$1"). is incompatible" "$work/$1.saved" >>"$work/message"
	! grep -q 'is incompatible' "$work/message"
}

# How it is now; fails when it can not be found out. The nf_tables variants end
# well, and print nothing, when others put into the table what they can not show.
look() { # unit
	if save "$1" >"$work/$1.saved" 2>"$work/message"; then
		can_be_read "$1" && return
	fi
	say "the rules of $1 can not be read:"
	cat "$work/message" >&2
	return 1
}

# Of a tool that shows all its tables at once, the first unit's look is that of the others.
first_look() { # unit
	first=$(tool_of "$1")
	if [ "$first" != "$1" ] && [ -s "$work/$first.saved" ]; then
		cp "$work/$first.saved" "$work/$1.saved"
		: >"$work/message"
		can_be_read "$1" && return
	fi
	look "$1"
}

have() { # tool
	command -v "$1" >/dev/null 2>&1 && command -v "$1-restore" >/dev/null 2>&1
}

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

# Make the transaction of TOOL ready, and try it. 0: to be loaded; 1: nothing to
# do; 2: it can not be. A tool that is installed must let us see what it has loaded,
# even if nothing is needed of it now: there may be rules from earlier.
prepare() { # tool needed
	if ! have "$(tool_of "$1")"; then
		[ "$2" = 1 ] || return 1
		say "$(tool_of "$1") is not installed"
		return 2
	fi
	first_look "$1" || return 2
	: >"$work/$1.rules"
	: >"$work/$1.hooks"
	keep=0
	if [ "$2" = 1 ]; then
		"rules_$1" >"$work/$1.rules"
		hooks_of "$1" >"$work/$1.hooks"
		keep=1
	elif [ -z "$(chains_of "$work/$1.saved" "$(table_of "$1")")" ]; then
		return 1
	fi
	transaction "$1" "$work/$1.saved" "$work/$1.rules" "$work/$1.hooks" $keep >"$work/$1.input" || return 2
	check "$1" "$work/$1.input" "$work/$1.rules" && return
	say "$(name_of "$1") would not take the rules"
	return 2
}
