#!/bin/sh
# SPDX-License-Identifier: MIT
# demo-learn.sh [BUILD] - learning on a bridge, step by step, in namespaces of its own.
#
# A guest behind the stock filter clean-traffic, whose address nobody has given; a real DHCP
# server; a lease; what passes before, meanwhile and after. Needs no root where users may make
# namespaces; nothing outside is touched.
set -eu
build=$(cd "${1:-build}" && pwd)
PATH=$PATH:/usr/sbin:/sbin

if [ "${2-}" != inside ]; then
	if ! unshare -rnm --pid --fork --mount-proc nft add table bridge t 2>/dev/null; then
		echo "demo-learn: this needs namespaces of its own with bridge tables of nft; run it as root, or allow them" >&2
		exit 1
	fi
	exec unshare -rnm --pid --fork --mount-proc sh "$0" "$build" inside
fi

work=$(mktemp -d)
cd "$work"
cleanup() {
	[ -z "${learnd-}" ] || kill "$learnd" 2>/dev/null || true
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || true
	cd /
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

step() {
	printf '\n== %s\n' "$*"
}
show() {
	echo "\$ $*"
	"$@" | sed 's/^/    /'
}
event() { # word: wait until the events have it
	for _ in $(seq 100); do
		grep -q "$1" events && return
		sleep 0.1
	done
	echo "demo-learn: no event $1" >&2
	cat events errors >&2
	exit 1
}

# A bridge, a guest on it.
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
ip link set lo up
ip link add br0 type bridge forward_delay 0
ip link set br0 up
ip addr add 10.9.0.1/24 dev br0
ip netns add guest
ip link add vnet0 type veth peer name eth0 netns guest
ip link set vnet0 master br0 up
ip netns exec guest ip link set eth0 address 52:54:00:12:34:56 up

cat >guest.nwf <<'END'
port vnet0 mac 52:54:00:12:34:56 {
	owner demo uuid 5f2b1c7e-0000-4000-8000-000000000001
	use clean-traffic           # its $IP has no value: it is to be learned
	learn dhcp
	DHCPSERVER = 10.9.0.1
}
END
cat >client.sh <<'END'
#!/bin/sh
case $1 in
bound | renew) ip addr flush dev "$interface"; ip addr add "$ip/24" dev "$interface" ;;
deconfig) ip addr flush dev "$interface" ;;
esac
END
chmod +x client.sh
cat >say.py <<'END'
# Does a packet from this address reach the host?
import socket, subprocess, sys
host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
host.bind(("10.9.0.1", 4001))
host.settimeout(0.5)
code = "import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((%r, 0)); s.sendto(b'hello', ('10.9.0.1', 4001))" % sys.argv[1]
subprocess.run(["ip", "netns", "exec", "guest", sys.executable, "-c", code], check=True)
try:
    print("a packet from %s arrives" % host.recvfrom(10)[1][0])
except TimeoutError:
    print("a packet from %s does not arrive" % sys.argv[1])
END

step "A port whose filter wants \$IP, which nobody gives"
show cat guest.nwf

step "Compiled without it: a strict set, and a file that says what is to be learned"
echo '$ nwfc compile -t nft --learn learn -o rules.nft guest.nwf && nft -f rules.nft'
"$build/nwfc" compile -q -t nft --learn learn -o rules.nft guest.nwf
nft -f rules.nft
show sed -n '/^interface/,$p' learn

step "learnd watches"
echo '$ learnd --learn learn --leases leases'
"$build/learnd" --learn learn --leases leases --foreground >events 2>errors &
learnd=$!
event '"fed"'

step "The guest takes an address of its own choice"
ip netns exec guest ip addr add 10.9.0.66/24 dev eth0
show python3 say.py 10.9.0.66
ip netns exec guest ip addr flush dev eth0

step "It asks the DHCP server"
dnsmasq -d -u root -g root -i br0 --bind-interfaces -p 0 -F 10.9.0.100,10.9.0.110,120s -l dnsmasq.leases \
	--pid-file= --conf-file=/dev/null --log-facility=- 2>/dev/null &
server=$!
ip netns exec guest udhcpc -i eth0 -n -q -f -t 5 -T 1 -s "$work/client.sh" 2>&1 | sed -n 's/^udhcpc: lease/    lease/p'
event '"event": "add"'
address=$(sed -n 's/.*"event": "add".*"address": "\([^"]*\)".*/\1/p' events)
show grep '"event": "add"' events

step "The filter has been compiled again; the address is an element that the kernel ends with the lease"
sleep 0.5
echo '$ nft list ruleset'
nft list ruleset | grep -B2 -A2 'timeout .*expires' | sed 's/^/    /'
show python3 say.py "$address"

step "Another address is still spoofing"
ip netns exec guest ip addr add 10.9.0.66/24 dev eth0
show python3 say.py 10.9.0.66

step "The guest gives its lease back"
ip netns exec guest python3 - "$address" <<'END'
import socket, struct, sys
chaddr, me, server = bytes.fromhex("525400123456"), socket.inet_aton(sys.argv[1]), socket.inet_aton("10.9.0.1")
message = struct.pack(">BBBBIHH4s4s4s4s", 1, 1, 6, 0, 99, 0, 0, me, bytes(4), bytes(4), bytes(4)) + chaddr + bytes(202)
message += b"\x63\x82\x53\x63" + bytes([53, 1, 7, 54, 4]) + server + b"\xff"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 68))
s.sendto(message, ("10.9.0.1", 67))
END
event '"event": "delete"'
show grep '"event": "delete"' events
sleep 0.5
show python3 say.py "$address"

step "What learnd has written"
show cat leases
