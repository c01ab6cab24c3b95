# SPDX-License-Identifier: MIT
"""Frames of guests and of a DHCP server, made by hand for the tests of learnd."""
import ipaddress
import socket
import struct

SERVER_MAC, SERVER = bytes.fromhex("525400b00001"), "10.9.0.1"
ROUTER6 = "fe80::5054:ff:feb0:1"


def mac(n):
    return bytes.fromhex("525400a100%02x" % n)


def ip4(source, target, protocol, payload):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, socket.inet_aton(source),
                       socket.inet_aton(target))
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack(">H", 0xFFFF - ((total & 0xFFFF) + (total >> 16))) + head[12:] + payload


def udp(source, sport, target, dport, payload):
    return ip4(source, target, 17, struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload)


def dhcp(op, kind, guest, xid, yiaddr="0.0.0.0", ciaddr="0.0.0.0", options=b""):
    return (struct.pack(">BBBBIHH4s4s4s4s", op, 1, 6, 0, xid, 0, 0, socket.inet_aton(ciaddr), socket.inet_aton(yiaddr), bytes(4),
                        bytes(4)) + mac(guest) + bytes(202) + b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + options + b"\xff")


def discover(guest, xid):
    return b"\xff" * 6 + mac(guest) + b"\x08\x00" + udp("0.0.0.0", 68, "255.255.255.255", 67, dhcp(1, 1, guest, xid))


def request(guest, xid, address):
    options = bytes([50, 4]) + socket.inet_aton(address)
    return b"\xff" * 6 + mac(guest) + b"\x08\x00" + udp("0.0.0.0", 68, "255.255.255.255", 67, dhcp(1, 3, guest, xid, options=options))


def ack(guest, xid, address, seconds, server=SERVER, source=SERVER_MAC):
    options = bytes([54, 4]) + socket.inet_aton(server) + struct.pack(">BBI", 51, 4, seconds)
    return mac(guest) + source + b"\x08\x00" + udp(server, 67, address, 68, dhcp(2, 5, guest, xid, address, options=options))


def release(guest, xid, address):
    return SERVER_MAC + mac(guest) + b"\x08\x00" + udp(address, 68, SERVER, 67, dhcp(1, 7, guest, xid, ciaddr=address))


def announcement(guest, address):
    who = mac(guest) + socket.inet_aton(address)
    return b"\xff" * 6 + mac(guest) + struct.pack(">HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + who + bytes(6) + socket.inet_aton(address)


def data(guest, address, source=None):
    return SERVER_MAC + (source or mac(guest)) + b"\x08\x00" + udp(address, 4000, SERVER, 4000, b"x" * 20)


def packed6(address):
    return ipaddress.IPv6Address(address).packed


def arp(operation, sender_mac, sender, target, source=None, to=b"\xff" * 6):
    return (to + (source or sender_mac) + struct.pack(">HHHBBH", 0x0806, 1, 0x0800, 6, 4, operation) + sender_mac
            + socket.inet_aton(sender) + bytes(6) + socket.inet_aton(target))


def ip6(source, target, following, payload, hops=255):
    return struct.pack(">IHBB", 6 << 28, len(payload), following, hops) + packed6(source) + packed6(target) + payload


def data6(guest, address, target="fd09::1", source=None):
    payload = struct.pack(">HHHH", 4000, 4000, 12, 0) + b"data"
    return SERVER_MAC + (source or mac(guest)) + b"\x86\xdd" + ip6(address, target, 17, payload, 64)


def dad(guest, address, nonce=b"", sender=None, hops=255):
    group = "ff02::1:ff" + ipaddress.IPv6Address(address).exploded[-7:]
    option = bytes([14, 1]) + nonce if nonce else b""
    message = bytes([135]) + bytes(7) + packed6(address) + option
    return bytes.fromhex("3333ff") + packed6(address)[13:] + (sender or mac(guest)) + b"\x86\xdd" + ip6("::", group, 58, message, hops)


def advertisement(sender, address, flags=0x20):
    message = bytes([136, 0, 0, 0, flags, 0, 0, 0]) + packed6(address) + bytes([2, 1]) + sender
    return bytes.fromhex("333300000001") + sender + b"\x86\xdd" + ip6(address, "ff02::1", 58, message)


def router(valid, prefix="fd09::", source=ROUTER6, length=64):
    option = bytes([3, 4, length, 0xC0]) + struct.pack(">III", valid, valid, 0) + packed6(prefix)
    message = bytes([134, 0, 0, 0, 64, 0, 7, 8]) + bytes(8) + option
    return bytes.fromhex("333300000001") + SERVER_MAC + b"\x86\xdd" + ip6(source, "ff02::1", 58, message)


def option6(code, value):
    return struct.pack(">HH", code, len(value)) + value


def lease6(address, valid):
    return option6(3, bytes(12) + option6(5, packed6(address) + struct.pack(">II", valid, valid)))


def dhcp6(kind, xid, body=b"", answer=False, server=ROUTER6, server_id=True):
    message = bytes([kind]) + struct.pack(">I", xid)[1:] + option6(1, b"\0\3\0\1" + mac(1)) + body
    guest = "fe80::5054:ff:fea1:1"
    if answer:
        message += option6(2, b"\0\3\0\1" + SERVER_MAC) if server_id else b""
        payload = struct.pack(">HHHH", 547, 546, 8 + len(message), 0) + message
        return mac(1) + SERVER_MAC + b"\x86\xdd" + ip6(server, guest, 17, payload, 64)
    payload = struct.pack(">HHHH", 546, 547, 8 + len(message), 0) + message
    return bytes.fromhex("333300010002") + mac(1) + b"\x86\xdd" + ip6(guest, "ff02::1:2", 17, payload, 64)


def tagged(frame, vlan=5):
    return frame[:12] + struct.pack(">HH", 0x8100, vlan) + frame[12:]


def checksummed(frame):
    """The frame with the checksum that its IPv4 header wants."""
    end = 14 + (frame[14] & 15) * 4
    words = frame[14:24] + bytes(2) + frame[26:end]
    total = sum(struct.unpack(">%dH" % (len(words) // 2), words))
    total = (total & 0xFFFF) + (total >> 16)
    return frame[:24] + struct.pack(">H", 0xFFFF - ((total & 0xFFFF) + (total >> 16))) + frame[26:]


def changed(frame, at, value):
    """The frame with another octet, and the right checksum."""
    return checksummed(frame[:at] + bytes([value]) + frame[at + 1:])


def with_ip_options(frame):
    total = struct.unpack(">H", frame[16:18])[0] + 4
    return checksummed(b"".join((frame[:14], b"\x46\0", struct.pack(">H", total), frame[18:34], b"\1\1\1\0", frame[34:])))
