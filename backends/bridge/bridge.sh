# SPDX-License-Identifier: MIT
# What a bridge is told of its ports. The tools are asked for all ports at once, what is
# to be done is found out from their answers, and it is done in one batch: a host may
# have hundreds of guests, and a tool takes milliseconds to start. Only what is not so
# yet is a step, so a second run changes nothing. What a step replaces goes into a
# record before the step is done, so that remove, and a run that fails, take back our
# own steps alone: what libvirt told the bridge itself stays. A guest that does not run
# has no port; it is left out with a word, and the script is to be run again when it does.
#
# A line of the record, a step:
#   INDEX DEVICE flag NAME WORD      the port's switch NAME was WORD
#   INDEX DEVICE entry MAC PORT      the address was at PORT, or nowhere (-)
#   INDEX DEVICE sticky MAC PORT     the address was held at PORT
#   INDEX DEVICE vlans - -           the bridge filtered no VLANs
#   INDEX DEVICE sums QDISC -        the bridge finished no checksums; QDISC was made for it, or -
# The index tells the device from a later one of its name, which has none of our steps.

set -f # names may have any of *?[
status=0
tab=$(printf '\t')
place=6868 # of our filter among those of tc
lax=0      # are addresses put that can not be held?
differs() {
	say "$*"
	status=1
}

index_of() {
	ip -o link show dev "$1" 2>/dev/null | sed -n '1s/:.*//p'
}

# The qdisc stays when others have put filters there since.
take_back_sums() { # bridge qdisc
	! finishes_sums "$1" || tc filter del dev "$1" egress pref $place || return
	[ "$2" = - ] || [ -n "$(tc filter show dev "$1" egress)$(tc filter show dev "$1" ingress)" ] ||
		! has_clsact "$1" || tc qdisc del dev "$1" "$2"
}

# For awk: what there is of links, of bridges' ports and of their tables, in the tools'
# JSON. Texts stand at the even places between quotes; those within texts, and the
# backslashes before them, are put aside. Of an object only its own members are taken.
things='
	function plain(s, n, i, part, out) {
		gsub("\002", "\"", s)
		n = split(s, part, "\001")
		out = part[1]
		for (i = 2; i <= n; i++)
			out = out "\\" part[i]
		return out
	}
	function brackets(s, i, c) {
		for (i = 1; i <= length(s); i++) {
			c = substr(s, i, 1)
			if (c == "}" && depth-- == 1) {
				thing()
				split("", of)
			}
			depth += c == "{"
		}
	}
	# What is in an array stands one after the other, with blanks between.
	function read_json(n, i, part, v) {
		gsub(/\\\\/, "\001")
		gsub(/\\"/, "\002")
		gsub("\\\\\047", "\047")
		n = split($0, part, "\"")
		for (i = 1; i <= n; i++)
			if (i % 2 == 0 && depth == 1 && part[i + 1] ~ /^ *:/) {
				key = plain(part[i])
				delete of[key]
			} else if (i % 2 == 0) {
				v = depth == 1 ? of[key] : ""
				if (depth == 1)
					of[key] = v (v == "" ? "" : " ") plain(part[i])
			} else {
				v = part[i]
				if (depth == 1 && sub(/^ *: */, "", v) && v ~ /^[-0-9a-z]/) {
					sub(/[^-0-9a-z].*/, "", v)
					of[key] = v
				}
				brackets(part[i])
			}
	}
	function thing(name, f) {
		name = of["ifname"]
		if (what == "links") {
			number[name] = of["ifindex"]
			there[of["ifindex"]]
			master[name] = of["master"]
			if (of["link_type"] == "ether")
				with[of["master"], of["address"]] = with[of["master"], of["address"]] name "\t"
		} else if (what == "ports") {
			port[name]
			for (f in switches)
				if (f in of)
					flag[name, f] = of[f] == "true" ? "on" : "off"
		} else if (of["state"] == "static" && (" " of["flags"] " ") !~ / self /) {
			put_entry(name, tolower(of["mac"]), (" " of["flags"] " ") ~ / sticky / ? "sticky" : "entry")
		}
	}
	# sticky, entry, or nothing. A kernel that filters VLANs may show an entry twice, with
	# a VLAN and without; it is as loose as the looser one.
	function kind(name, mac) {
		return (name, mac) in entry ? entry[name, mac] : ""
	}
	function put_entry(name, mac, k) {
		if (kind(name, mac) == "") {
			entries[name] = entries[name] mac "\t"
			holders[mac] = holders[mac] name "\t"
		}
		if (kind(name, mac) != "entry" || what != "tables")
			entry[name, mac] = k
	}
	# The tool reads a batch as words that blanks part and quotes hold together.
	function command(words, failure) {
		if (words ~ /[^A-Za-z0-9_.:@+=,%\t-]/)
			print "odd\t"
		print "command\t" words
		print "failure\t" failure
	}
	# An entry that is not sticky follows whoever sends with its address where the bridge
	# learns, as from the uplink. Linux before 4.20 has no others.
	function set_entry(p, mac, k, failure) {
		if (lax && k == "sticky") {
			say("port " p ": " mac " can not be held here; it may move to another port")
			k = "entry"
		}
		if (kind(p, mac) != k)
			command("fdb\treplace\t" mac "\tdev\t" p "\tmaster\tstatic" (k == "sticky" ? "\tsticky" : ""), failure)
		put_entry(p, mac, k)
	}
	function say(text) {
		print "say\t" text
	}
	function differs(text) {
		say(text)
		print "differs\t"
	}
	BEGIN {
		FS = "\t"
		switches["learning"]; switches["flood"]; switches["isolated"]
	}
	FNR == 1 {
		depth = 0
	}
	what == "links" || what == "ports" || what == "tables" {
		read_json()
		next
	}
'

look() {
	readable=0
	if ip -j link show >"$work/links"; then
		bridge -j -d link show >"$work/ports" && bridge -j fdb show >"$work/tables" && readable=1 && return
	else
		: >"$work/links"
	fi
	: >"$work/ports"
	: >"$work/tables"
	say "the bridges can not be read"
	return 1
}
# A line is a kind of thing, and the thing. The last one shows that nothing was cut off.
plan() { # awk program, files
	program=$1
	shift
	awk "$things$program"' END { print "end" }' action="$action" lax=$lax readable=$readable \
		what=links "$work/links" what=ports "$work/ports" what=tables "$work/tables" "$@" >"$work/plan.new" &&
		[ "$(tail -n 1 "$work/plan.new")" = end ] && mv "$work/plan.new" "$work/plan"
}
part() { # kind of thing
	sed -n "s/^$1$tab//p" "$work/plan"
}
has() { # kind of thing
	grep -q "^$1$tab" "$work/plan"
}
tell() {
	part say | sed 's/^/nwfc: /' >&2
}

# Names that a batch can not hold are given as words.
run_commands() {
	part command >"$work/commands" || return
	if has odd; then
		run_singly
	else
		tr '\t' ' ' <"$work/commands" >"$work/batch" && bridge -force -batch "$work/batch"
	fi
}
run_singly() {
	good=0
	while IFS= read -r words; do
		IFS=$tab
		# shellcheck disable=SC2086 # tabs part them
		set -- $words
		unset IFS
		bridge "$@" </dev/null || good=1
	done <"$work/commands"
	return $good
}

# Do what is planned. What a tool says of a failure is not enough to know what has been
# done: it is looked again, and what is left is tried once more, with addresses that
# can not be held put without. Fails when there is something left; `why' says what.
carry_out() { # awk program, files
	has command || return 0
	record_steps
	run_commands 2>/dev/null && return
	why="what has been done can not be seen"
	lax=1
	look && plan "$@" || return
	tell
	has command || return 0
	record_steps
	run_commands 2>"$work/message" && return
	grep -v '^Command failed ' "$work/message" | awk '!seen[$0]++' >&2
	look && plan "$@" || return
	why=$(part failure | sed '1!d')
	! has command
}

set_record() { # file
	cat "$1" >"$record.new" && mv "$record.new" "$record"
}

# What is to be done about steps, the last one first. Of one switch the oldest step says
# how it was. What is not ours any more is done: devices that are gone, or no ports, and
# addresses that are elsewhere.
back_plan='
	function back_entry(line, d, mac, k, from) {
		if (kind(d, mac) == "" || from == d && kind(d, mac) == k)
			return
		print "try\t" line
		if (from == "-" || !(from in port)) {
			command("fdb\tdel\t" mac "\tdev\t" d "\tmaster\tstatic", d)
			delete entry[d, mac]
		} else {
			set_entry(from, mac, k, d)
			if (from != d)
				delete entry[d, mac]
		}
	}
	function back(i, line, index_, d, k, word, value) {
		if (number[d] "" != index_ "") {
			if (index_ in there)
				print "left\t" line
		} else if (k == "vlans" || k == "sums") {
			print "later\t" line
		} else if (!readable) {
			print "left\t" line
		} else if (!(d in port)) {
			return
		} else if (k == "entry" || k == "sticky") {
			back_entry(line, d, word, k, value)
		} else if (k == "flag" && oldest[d, word] == i && flag[d, word] != value) {
			print "try\t" line
			command("link\tset\tdev\t" d "\t" word "\t" value, d)
		}
	}
	{
		steps[++n] = $0
		split($0, w, " ")
		if (w[3] == "flag" && number[w[2]] "" == w[1] "" && !((w[2], w[4]) in oldest))
			oldest[w[2], w[4]] = n
	}
	END {
		for (i = n; i > 0; i--) {
			split(steps[i], w, " ")
			back(i, steps[i], w[1], w[2], w[3], w[4], w[5])
		}
	}'

take_back_bridge() { # index device kind word value
	case $3 in
	vlans) ip link set dev "$2" type bridge vlan_filtering 0 ;;
	sums) take_back_sums "$2" "$4" ;;
	esac
}

# Take back the steps in a file, the last one first, and forget them, but for those
# that could not be: another run may.
take_back() { # file
	[ -s "$1" ] || return 0
	lax=0
	cp "$1" "$work/back" && : >"$work/new" || return
	look || [ -s "$work/links" ] || return
	plan "$back_plan" what=steps "$work/back" && part left >"$work/left" || return
	part later >"$work/later" || return
	carry_out "$back_plan" what=steps "$work/back" || part try >>"$work/left" || return
	while read -r line; do
		# shellcheck disable=SC2086 # blanks part them
		take_back_bridge $line || printf '%s\n' "$line" >>"$work/left" || return
	done <"$work/later"
	while read -r _ device kind word _; do
		differs "$device: $kind $word could not be taken back"
	done <"$work/left"
	awk 'what == "left" { left[$0] }
		what == "back" && !($0 in left) { done[$0] }
		what == "record" && !($0 in done)' what=left "$work/left" what=back "$work/back" \
		what=record "$record" >"$work/rest" && set_record "$work/rest"
}

# Take back what this run has done.
undo() {
	take_back "$steps" || differs "what was done could not be taken back; remove may"
	: >"$steps"
}
fail() {
	say "$*"
	undo
	[ $status != 0 ] || say "nothing has been changed"
	exit 1
}

step() { # device kind word value
	index=$(index_of "$1")
	[ -n "$index" ] || fail "$1: ip does not say its index"
	line="$index $*"
	grep -qxF -e "$line" "$record" || printf '%s\n' "$line" >>"$record" || fail "the record $record can not be written"
	printf '%s\n' "$line" >>"$steps"
}

# Steps on devices that are gone.
forget_gone() {
	ip -o link show >"$work/links" && sed 's/:.*//' "$work/links" >"$work/there" && [ -s "$work/there" ] &&
		awk 'NR == FNR { there[$1]; next } $1 in there' "$work/there" "$record" >"$work/rest" &&
		set_record "$work/rest"
}

# Asked by netlink: /sys may be that of another namespace.
is_bridge() {
	[ -n "$(ip link show dev "$1" type bridge 2>/dev/null)" ]
}
bridge_is() { # bridge words, of the attributes that ip prints
	ip -d link show dev "$1" | grep -q " $2 "
}

# A row of what is wanted: the port, or nothing where the document does not say its name.
each_port() { # port bridge mac pinned isolated
	printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$work/wanted" || fail "there is no room in $work"
}

# What is to be done, and said, about the ports that are wanted.
ports_plan='
	function step(p, k, word, value) {
		print "step\t" number[p] " " p " " k " " word " " value
	}
	# Where a guest is: libvirt gives the host'"'"'s end the guest'"'"'s address but for the
	# first byte, so it may be one of several.
	function ports_at(bridge, mac, at) {
		return split(with[bridge, (substr(mac, 1, 3) == "fe:" ? "fa" : "fe") substr(mac, 3)], at, "\t") - 1
	}
	# The port that the document names; without a name the one that is found, if it is one.
	# Numbers of libvirt'"'"'s own names change from start to start.
	function find_port(p, bridge, mac, n, i, at, all) {
		found = p
		n = ports_at(bridge, mac, at)
		for (i = 1; i <= n; i++) {
			if (at[i] "" == p "")
				return 1
			all = all " " at[i]
		}
		if (n > 1)
			differs("bridge " bridge " has several ports that may be that of " mac ":" all)
		else if (n == 1 && p != "")
			differs("port " p " is not that of " mac ", which is " at[1])
		else if (n == 1)
			found = at[1]
		return n < 1 || n == 1 && p == ""
	}
	function set_flag(p, name, word, was) {
		was = flag[p, name]
		if (was == word || (was == "" && name word == "isolatedoff")) # as Linux before 4.18
			return
		if (action == "verify") {
			differs("port " p ": " name " is " (was == "" ? "not known to the kernel" : was) ", not " word)
			return
		}
		step(p, "flag", name, was == "" ? "off" : was)
		command("link\tset\tdev\t" p "\t" name "\t" word, "port " p ": " name " can not be set " word)
		flag[p, name] = word
	}
	function verify_entries(p, mac, n, i, other) {
		if (kind(p, mac) == "entry")
			differs("port " p ": " mac " may move to another port")
		else if (kind(p, mac) == "")
			differs("port " p ": " mac " is not in the table")
		n = split(entries[p], other, "\t")
		for (i = 1; i < n; i++)
			if (other[i] != mac)
				differs("port " p ": " other[i] " is in the table too")
	}
	function holder(bridge, p, mac, n, i, h) {
		if (kind(p, mac) != "")
			return p
		n = split(holders[mac], h, "\t")
		for (i = 1; i < n; i++)
			if (master[h[i]] == bridge && kind(h[i], mac) != "")
				return h[i]
		return "-"
	}
	# The address of the guest, in the table for ever, and no other learned or flooded to it.
	function pin(p, bridge, mac, from) {
		set_flag(p, "learning", "off")
		set_flag(p, "flood", "off")
		if (action == "verify") {
			verify_entries(p, mac)
			return
		}
		if (kind(p, mac) == "sticky")
			return
		from = holder(bridge, p, mac)
		if (from != "-" && from != p "")
			say("port " p ": " mac " was at port " from)
		step(p, from == "-" ? "entry" : kind(from, mac), mac, from)
		set_entry(p, mac, "sticky", "port " p ": " mac " can not be put into the table")
		if (from != p "")
			delete entry[from, mac]
	}
	action == "remove" {
		n = 1
		at[1] = $1
		if ($1 == "")
			n = ports_at($2, $3, at)
		for (i = 1; i <= n; i++)
			print "ours\t" at[i]
		next
	}
	find_port($1, $2, $3) {
		if (found == "") {
			say("bridge " $2 " has no port for " $3 "; does the guest run?")
		} else if (!(found in number)) {
			say("port " found " is not there; does the guest run?")
		} else if (master[found] != $2 "") {
			differs("port " found " is not on bridge " $2)
		} else {
			if ($4 == 1)
				pin(found, $2, $3)
			set_flag(found, "isolated", $5 == 1 ? "on" : "off")
		}
	}'

record_steps() {
	part step >"$work/new" && awk 'what == "record" { known[$0] }
		what == "new" && !($0 in known)' what=record "$record" what=new "$work/new" >"$work/added" &&
		cat "$work/added" >>"$record" && cat "$work/new" >>"$steps" ||
		fail "the record $record can not be written"
}

take_back_ours() {
	part ours >>"$work/ours" && awk 'what == "ours" { ours["x" $0] }
		what == "record" && ("x" $2) in ours' what=ours "$work/ours" what=record "$record" >"$work/mine" &&
		take_back "$work/mine"
}

# All rows are known: what they are about is looked at, and done.
finish() {
	look && plan "$ports_plan" what=wanted "$work/wanted" || fail "the ports can not be looked at"
	tell
	case $action in
	remove) take_back_ours || differs "what was done could not be taken back" ;;
	apply)
		! has differs || fail "it is plugged in elsewhere than the documents say"
		carry_out "$ports_plan" what=wanted "$work/wanted" || fail "$why"
		;;
	verify) ! has differs || status=1 ;;
	esac
	exit $status
}

# With filtering of VLANs a bridge whose ports neither learn nor are flooded takes its
# uplink out of promiscuous mode. That saves work and is no part of the safety, so a
# kernel without it will do.
vlans() { # bridge
	if bridge_is "$1" 'vlan_filtering 1'; then
		return
	elif ! bridge_is "$1" 'vlan_default_pvid [0-9]*'; then
		say "bridge $1: this kernel has no VLAN filtering; the uplink stays promiscuous"
	elif [ "$action" = verify ]; then
		differs "bridge $1: VLAN filtering is off"
	else
		step "$1" vlans - -
		ip link set dev "$1" type bridge vlan_filtering 1 || fail "bridge $1: VLAN filtering can not be set on"
	fi
}

has_clsact() { # bridge
	[ -n "$(tc qdisc show dev "$1" clsact)" ]
}
finishes_sums() { # bridge
	tc filter show dev "$1" egress 2>/dev/null | grep -q 'action order [0-9]*: csum'
}

# DHCP answers of the host reach a guest with checksums unfinished when its card
# leaves them to the host. nft has no word for finishing them, tc has.
sums() { # bridge
	if ! command -v tc >/dev/null 2>&1; then
		say "tc (of iproute2) is not installed, which finishes checksums of DHCP answers"
		[ "$action" != verify ] || status=1
	elif finishes_sums "$1"; then
		return
	elif [ "$action" = verify ]; then
		differs "bridge $1: no filter finishes the checksums of DHCP answers"
	else
		qdisc=clsact
		! has_clsact "$1" || qdisc=-
		step "$1" sums $qdisc -
		[ $qdisc = - ] || tc qdisc add dev "$1" clsact 2>/dev/null
		tc filter add dev "$1" egress pref $place protocol ip u32 match ip protocol 17 0xff \
			match ip dport 68 0xffff action csum ip and udp 2>/dev/null && return
		take_back_sums "$1" $qdisc
		say "bridge $1: this kernel can not finish checksums of DHCP answers with tc"
	fi
}

each_bridge() { # bridge pinned dhcp
	if [ "$action" = remove ]; then
		printf '%s\n' "$1" >>"$work/ours" || fail "there is no room in $work"
	elif ! is_bridge "$1"; then
		say "bridge $1 is not there; is the network active?"
		[ "$action" != verify ] || status=1
	else
		[ "$2" = 0 ] || vlans "$1"
		[ "$3" = 0 ] || sums "$1"
	fi
}

action=${1-apply}
case $action in
apply | remove | verify | undo) ;;
*)
	say "apply, remove or verify?"
	exit 2
	;;
esac
for tool in bridge ip; do
	command -v "$tool" >/dev/null 2>&1 && continue
	say "$tool (of iproute2) is not installed"
	exit 1
done
work=$(mktemp -d "${TMPDIR:-/tmp}/nwfc.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
: >"$work/wanted"
: >"$work/ours"
steps=${NWFC_UNDO-$work/steps}
record=${NWFC_RECORD-$record}
if [ "$action" != verify ]; then
	need_root
	lock
	if ! (: >>"$steps" && : >>"$record" && : >>"$record.new") 2>/dev/null; then
		say "the record $record can not be written; NWFC_RECORD in the environment names another"
		say "nothing has been changed"
		exit 1
	fi
	if ! forget_gone; then
		say "the steps of earlier runs can not be looked through (is there room in $work?)"
		say "nothing has been changed"
		exit 1
	fi
	trap 'fail interrupted' HUP INT TERM
	trap 'rm -rf "$work"; [ -s "$record" ] || rm -f "$record"' EXIT
fi
case "$*" in
undo)
	undo
	exit $status
	;;
'remove all')
	take_back "$record" || differs "what was done could not be taken back"
	exit $status
	;;
esac
