# SPDX-License-Identifier: MIT
# On nf_tables a base chain is made for the first rule in it and stays. One that
# has no rule and lets everything pass decides nothing, so it goes as well. The
# legacy tools refuse this, and so does the kernel when there is a rule after all.
drop_empty_base_chains() { # tool
	look "$1" || return 0
	hooks_of "$1" | while read -r _ chain _; do
		awk -v table="*$(table_of "$1")" -v chain="$chain" '
			/^\*/ { here = $1 == table }
			here && $1 == ":" chain { empty = $2 == "ACCEPT" }
			here && $1 == "-A" && $2 == chain { empty = 0 }
			END { exit !empty }' "$work/$1.saved" &&
			"$(tool_of "$1")" -t "$(table_of "$1")" -X "$chain" 2>/dev/null
	done || :
}

# Take away every trace. Quiet where there is none; nothing is touched when one of
# the tools can not be asked.
remove() { # tools
	need_root
	lock
	workspace
	ready=
	for tool in "$@"; do
		status=0
		prepare "$tool" 0 2>"$work/message.prepare" || status=$?
		if [ $status = 2 ]; then
			cat "$work/message.prepare" >&2
			say "nothing has been changed"
			exit 1
		fi
		[ $status = 1 ] || ready="$ready $tool"
	done
	failed=0
	for tool in $ready; do
		if restore "$tool" "$work/$tool.input"; then
			drop_empty_base_chains "$tool"
		else
			say "the rules of $(name_of "$tool") could not be taken away"
			failed=1
		fi
	done
	exit $failed
}
