#!/bin/sh
# SPDX-License-Identifier: MIT
# vm.sh - the packet tests under Debian's own kernel, booted in a virtual machine.
#
#   vm.sh [--timeout SECONDS] COMMAND...     COMMAND is a line for sh, run as root in the project's top folder
#
# Bridge connection tracking, bridge reject and legacy ebtables are not in every kernel; Debian's has
# them.  Its package is fetched and unpacked into a cache, never installed.  The machine's root file
# system is this machine's own, read-only over virtio-9p with a tmpfs on top, so the very same
# programs run inside; the project's folder is the only one that is written to.
#
# Plain emulation, because a software hypervisor behind /dev/kvm may hang on a stock kernel.  The
# kernel starts from its unpacked ELF image (PVH entry): unpacking it again and again under emulation
# would cost more than booting it.
#
# Exit: that of COMMAND; 77 when something needed is missing (said on standard output as SKIP);
# 124 out of time; 125 the machine did not come up.  Cache: ${XDG_CACHE_HOME:-/var/tmp}/nwfc-vm.
set -u
PATH=$PATH:/usr/sbin:/sbin
export PATH
cache=${XDG_CACHE_HOME:-/var/tmp}/nwfc-vm
timeout=400
top=$(cd "$(dirname "$0")/../.." && pwd)
[ "${1:-}" = --timeout ] && { timeout=$2; shift 2; }
[ $# -gt 0 ] || { echo "usage: vm.sh [--timeout SECONDS] COMMAND..." >&2; exit 2; }

skip() { echo "SKIP: packet tests in a virtual machine: $*"; exit 77; }
die() { echo "vm.sh: $*" >&2; exit 125; }
need() { command -v "$1" >/dev/null || skip "$1 is missing (Debian package $2)"; }
[ "$(uname -m)" = x86_64 ] || skip "only for x86_64, this is $(uname -m)"
need qemu-system-x86_64 qemu-system-x86
need busybox busybox-static
need depmod kmod

fetch_kernel() {
	package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/.*Depends: *\(linux-image-[^ ]*\).*/\1/p' | head -n 1)
	[ -n "$package" ] || skip "no linux-image-amd64 in the package lists (apt-get update?)"
	(cd "$cache" && apt-get -q download "$package") >"$cache/fetch.log" 2>&1 ||
		skip "cannot download $package: $(tail -n 1 "$cache/fetch.log")"
	rm -rf "$cache/unpacked"
	dpkg -x "$cache/$package"_*.deb "$cache/unpacked" || die "cannot unpack $package"
	rm -f "$cache/$package"_*.deb
	mv "$cache/unpacked" "$cache/kernel"
}

# The ELF image inside a bzImage: the payload behind the first magic number that unpacks to one.
unpack_image() {
	/usr/bin/python3 - "$1" "$2" <<-'PY'
		import lzma, sys, zlib
		data = open(sys.argv[1], "rb").read()
		for magic, unpack in ((b"\xfd7zXZ\0", lambda d: lzma.LZMADecompressor().decompress(d)),
		                      (b"\x1f\x8b\x08\0", lambda d: zlib.decompressobj(31).decompress(d))):
		    at = data.find(magic)
		    while at >= 0:
		        try:
		            image = unpack(data[at:])
		        except (lzma.LZMAError, zlib.error):
		            image = b""
		        if image.startswith(b"\x7fELF"):
		            open(sys.argv[2], "wb").write(image)
		            sys.exit(0)
		        at = data.find(magic, at + 1)
		sys.exit("no ELF image found in " + sys.argv[1])
	PY
}

make_initramfs() {
	tree=$(mktemp -d) || die "no temporary folder"
	mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/lower" "$tree/upper" "$tree/new" "$tree/modules"
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for module in virtio_pci 9pnet_virtio 9p overlay; do
		modprobe -d "$cache/kernel" -S "$version" --show-depends "$module" 2>/dev/null
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | {
		number=100
		while read -r file; do
			number=$((number + 1))
			cp "$file" "$tree/modules/$number.ko"
		done
	}
	cat >"$tree/init" <<-'INIT'
		#!/bin/busybox sh
		b=/bin/busybox
		stop() { echo "init: $1"; $b poweroff -f; }
		$b mount -t proc none /proc
		$b mount -t sysfs none /sys
		$b mount -t devtmpfs none /dev
		for module in /modules/*; do $b insmod "$module"; done
		nine=trans=virtio,version=9p2000.L,msize=512000
		$b mount -t 9p -o "ro,cache=loose,$nine" root /lower || stop "no root"
		$b mount -t tmpfs none /upper
		$b mkdir /upper/top /upper/work
		$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/top,workdir=/upper/work none /new || stop "no overlay"
		top=$($b sed 's/.*nwfc_top=\([^ ]*\).*/\1/' /proc/cmdline)
		$b mkdir -p /new/proc /new/sys /new/dev /new/run /new/tmp /new/lib/modules /new/nwfc-control "/new$top"
		$b mount -t proc none /new/proc
		$b mount -t sysfs none /new/sys
		$b mount -t devtmpfs none /new/dev
		$b mkdir -p /new/dev/shm
		$b mount -t tmpfs none /new/dev/shm
		$b mount -t tmpfs -o mode=755 none /new/run
		$b mount -t tmpfs -o mode=1777 none /new/tmp
		$b mount -t 9p -o "ro,cache=loose,$nine" modules /new/lib/modules || stop "no modules"
		$b mkdir -p "/new$top" # it may lie under /tmp
		$b mount -t 9p -o "rw,$nine" top "/new$top" || stop "no project folder"
		$b mount -t 9p -o "rw,$nine" control /new/nwfc-control || stop "no control folder"
		[ -e /new/dev/fd ] || $b ln -s /proc/self/fd /new/dev/fd
		$b cp /bin/busybox /new/run/busybox
		# init itself changes root, so that the kernel finds modprobe there
		exec $b chroot /new /bin/sh /nwfc-control/start
	INIT
	chmod +x "$tree/init"
	(cd "$tree" && find . | busybox cpio -o -H newc) >"$initramfs.new" 2>/dev/null && mv "$initramfs.new" "$initramfs"
	rm -rf "$tree"
}

mkdir -p "$cache" || die "cannot make $cache"
exec 9>"$cache/lock"
flock 9
ls "$cache"/kernel/boot/vmlinuz-* >/dev/null 2>&1 || fetch_kernel
packed=$(ls "$cache"/kernel/boot/vmlinuz-* | head -n 1)
version=${packed##*/vmlinuz-}
image=$cache/vmlinux-$version
initramfs=$cache/initramfs-$version
[ -f "$cache/kernel/lib/modules/$version/modules.dep" ] || depmod -b "$cache/kernel" "$version" || die "depmod failed"
if [ ! -s "$image" ]; then
	unpack_image "$packed" "$image.new" && mv "$image.new" "$image" || die "cannot unpack $packed"
fi
if [ ! -s "$initramfs" ] || [ "$0" -nt "$initramfs" ]; then
	make_initramfs
fi
flock -u 9

control=$(mktemp -d) || die "no temporary folder"
trap 'rm -rf "$control"' EXIT
trap 'exit 130' INT TERM
cat >"$control/start" <<EOF2
export HOME=/root LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ip link set lo up
for module in br_netfilter veth nft_reject_bridge nf_conntrack_bridge ebtable_nat; do modprobe -q \$module; done
cd '$top' && sh /nwfc-control/command </dev/null >/nwfc-control/output 2>&1
echo \$? >/nwfc-control/status
/run/busybox poweroff -f
EOF2
printf '%s\n' "$*" >"$control/command"

share() { echo "-fsdev local,id=$1,path=$2,security_model=none,multidevs=remap${3:-} -device virtio-9p-pci,fsdev=$1,mount_tag=$1"; }
: >"$control/output"
tail -f --pid=$$ "$control/output" 2>/dev/null &
show=$!
# shellcheck disable=SC2046
timeout -k 5 "$timeout" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 2048 -smp 2 -nodefaults -no-user-config \
	-display none -no-reboot -serial "file:$control/console" -kernel "$image" -initrd "$initramfs" \
	-append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr net.ifnames=0 nwfc_top=$top" \
	$(share root / ,readonly=on) $(share modules "$cache/kernel/lib/modules" ,readonly=on) \
	$(share top "$top") $(share control "$control") </dev/null >"$control/qemu.log" 2>&1
result=$?
sleep 0.2
kill "$show" 2>/dev/null
wait "$show" 2>/dev/null
[ "$result" = 124 ] && { echo "vm.sh: no end after $timeout s" >&2; exit 124; }
if [ ! -s "$control/status" ]; then
	cat "$control/qemu.log" "$control/console" >&2
	die "the virtual machine did not come up"
fi
exit "$(cat "$control/status")"
