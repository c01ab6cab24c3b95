#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Two and more compiles at once, in one process under ThreadSanitizer, over
# ports of all kinds of filters.
set -u
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
printf 'int main(void) { return 0; }\n' >"$work/probe.c"
if ! clang -fsanitize=thread -o "$work/probe" "$work/probe.c" 2>/dev/null || ! "$work/probe" 2>/dev/null; then
	echo "SKIP: clang has no ThreadSanitizer that runs here"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
make -s -j "$(nproc)" threads CC=clang BUILD=build/tsan CFLAGS='-O1 -g -fsanitize=thread' >/dev/null || exit 1

port() { # name, filter, parameters
	printf "<filterbinding><owner><name>vm</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>
	<portdev name='%s'/><mac address='52:54:00:12:34:%02x'/><filterref filter='%s'>%s</filterref></filterbinding>\n" \
		"$1" $((${#1} + 1)) "$2" "$3" >"$work/$1.xml"
}
port p1 clean-traffic "<parameter name='IP' value='10.0.0.1'/><parameter name='IP' value='10.0.0.2'/>"
port p22 clean-traffic ""
port p333 clean-traffic "<parameter name='CTRL_IP_LEARNING' value='dhcp'/><parameter name='DHCPSERVER' value='10.0.0.9'/>"
port p4444 web "<parameter name='IP' value='10.0.0.1'/><parameter name='N' value='1'/><parameter name='N' value='2'/>"
cat >"$work/web.xml" <<'END'
<filter name='web'>
	<rule action='accept' direction='in'><tcp srcipaddr='$IP' dstportstart='$N[@1]' comment='a comment'/></rule>
	<rule action='drop' direction='in'><tcp-ipv6 match='no' dstportstart='$N[@1]'/></rule>
	<rule action='drop' direction='inout' priority='900'><arp match='no' arpsrcipaddr='$IP'/></rule>
	<rule action='drop' direction='inout' priority='1000'/>
</filter>
END
if TSAN_OPTIONS=halt_on_error=0:exitcode=9 build/tsan/threads "$work"/*.xml >"$work/out" 2>&1; then
	echo "1 passed, 0 failed, 0 skipped"
	exit 0
fi
cat "$work/out"
echo "0 passed, 1 failed, 0 skipped"
exit 1
