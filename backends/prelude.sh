# SPDX-License-Identifier: MIT
PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL
set -u
trap '' PIPE # nobody may read the messages; the work goes on

say() {
	printf 'nwfc: %s\n' "$*" >&2
}

# The tools say this each in its own way, and some not at all. CAP_NET_ADMIN is
# bit 12 of the capabilities, the lowest of the fourth digit from the end.
need_root() {
	case $(sed -n 's/^CapEff:.*\(.\)...$/\1/p' /proc/self/status 2>/dev/null) in
	[13579bdf]) return ;;
	'') [ "$(id -u)" != 0 ] || return 0 ;;
	esac
	say "run it as root"
	exit 1
}

# One run at a time, from the look at what is loaded to the end: of two that look
# at once the second would take the first one's rules for its own.
lock() {
	file=${NWFC_LOCK-/run/nwfc.lock}
	[ -n "$file" ] || return 0
	if ! command -v flock >/dev/null 2>&1; then
		say "flock (of util-linux) is not installed, which keeps two runs apart"
	elif ! (: >>"$file") 2>/dev/null; then
		say "the lock file $file can not be written; NWFC_LOCK in the environment names another"
	else
		exec 9>>"$file"
		flock -n 9 && return
		say "waiting for another run to end"
		flock 9 && return
		say "$file can not be locked"
	fi
	say "(NWFC_LOCK= in the environment goes on without a lock)"
	say "nothing has been changed"
	exit 1
}
