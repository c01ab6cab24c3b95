#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One machine of the lab: lives in its namespace, reads orders as lines of JSON, answers each with a line.

    {"do": "listen", "ports": [...], "groups": [...]}  TCP and UDP echo, both families; multicast groups to join
    {"do": "probe", "wait": seconds, "probes": [...]}  all at once: [kind, address, port, source address, source port, word]
    {"do": "heard"}                                    {word: address and port that the datagram came from}

The answer to a probe: ["yes", what was said], ["refused", why], ["silence", ""] or ["error", why].
"""
import json
import selectors
import socket
import struct
import sys
import threading
import time

HEARD = {}
FAMILIES = (socket.AF_INET, socket.AF_INET6)

# --- what listens ---------------------------------------------------------------------------------------


def serve_udp(sock):
    while True:
        data, peer = sock.recvfrom(2048)
        HEARD[data.decode()] = [peer[0].split("%")[0], peer[1]]
        try:
            sock.sendto(b"answer", peer)
        except OSError:
            pass


def serve_tcp(sock):
    while True:
        conn, peer = sock.accept()
        try:
            conn.sendall(json.dumps([peer[0].split("%")[0], peer[1]]).encode() + b"\n")
        except OSError:
            pass
        conn.close()


def join(sock, group):
    index = socket.if_nametoindex("eth0")
    if sock.family == socket.AF_INET6 and ":" in group:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                        socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index))
    elif sock.family == socket.AF_INET and ":" not in group:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        socket.inet_aton(group) + bytes(4) + struct.pack("@i", index))


def listen(port, groups):
    for family in FAMILIES:
        for kind, serve in ((socket.SOCK_DGRAM, serve_udp), (socket.SOCK_STREAM, serve_tcp)):
            sock = socket.socket(family, kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(("", port))
            if kind == socket.SOCK_STREAM:
                sock.listen(64)
            else:
                for group in groups:
                    join(sock, group)
            threading.Thread(target=serve, args=(sock,), daemon=True).start()


# --- what asks ------------------------------------------------------------------------------------------

DNS = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\3lab\4test\0" + struct.pack("!HH", 1, 1)
SOLICIT = b"\1abc" + struct.pack("!HH4s6s", 1, 10, b"\0\3\0\1", b"\x52\x54\0\0\0\1") \
    + struct.pack("!HHIII", 3, 12, 1, 0, 0) + struct.pack("!HHH", 8, 2, 0)

# kind: type of socket, protocol of each family, is it connected, what is said first (None: the word)
KINDS = {
    "tcp": (socket.SOCK_STREAM, (0, 0), True, b""),
    "udp": (socket.SOCK_DGRAM, (0, 0), True, None),
    "cast": (socket.SOCK_DGRAM, (0, 0), False, None),
    "echo": (socket.SOCK_DGRAM, (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6), True, None),
    "dns": (socket.SOCK_DGRAM, (0, 0), True, DNS),
    "dns-tcp": (socket.SOCK_STREAM, (0, 0), True, struct.pack("!H", len(DNS)) + DNS),
    "dhcp6": (socket.SOCK_DGRAM, (0, 0), False, SOLICIT),
    "tftp": (socket.SOCK_DGRAM, (0, 0), False, b"\0\1boot\0octet\0"),
}


class Probe:
    def __init__(self, kind, address, port, source, source_port, word):
        v6 = ":" in address
        style, protocols, self.connected, text = KINDS[kind]
        self.kind, self.text = kind, word.encode() if text is None else text
        if kind == "echo":
            self.text = bytes([128 if v6 else 8]) + bytes(7) + self.text
        self.sock = socket.socket(FAMILIES[v6], style, protocols[v6])
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if source or source_port:
            self.sock.bind((source or "", source_port))
        if not self.connected:
            # with the interface in the address the kernel asks no route
            self.sock.sendto(self.text, socket.getaddrinfo(address, port, FAMILIES[v6], style)[0][4])
        elif style == socket.SOCK_STREAM:
            self.sock.connect_ex((address, port))
        else:
            self.sock.connect((address, port))
            self.sock.send(self.text)
        self.events = selectors.EVENT_WRITE if style == socket.SOCK_STREAM else selectors.EVENT_READ

    def step(self):
        """The answer; None while there is none."""
        if self.events == selectors.EVENT_WRITE:
            error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, "no connection")
            if self.text:
                self.sock.send(self.text)
            self.events = selectors.EVENT_READ
            return None
        return ["yes", self.sock.recv(2048).decode(errors="replace").strip()]


def probe_all(probes, wait):
    answers = [None] * len(probes)
    waiting = selectors.DefaultSelector()
    for i, words in enumerate(probes):
        try:
            probe = Probe(*words)
            waiting.register(probe.sock, probe.events, (i, probe))
        except OSError as e:
            answers[i] = ["error", str(e)]
    end = time.monotonic() + wait
    while waiting.get_map() and time.monotonic() < end:
        for key, _ in waiting.select(max(0, end - time.monotonic())):
            i, probe = key.data
            try:
                answers[i] = probe.step()
            except OSError as e:
                answers[i] = ["refused", str(e)]
            if answers[i] is None:
                waiting.modify(probe.sock, probe.events, key.data)
            else:
                waiting.unregister(probe.sock)
                probe.sock.close()
    for key in list(waiting.get_map().values()):
        answers[key.data[0]] = ["silence", ""]
        key.fileobj.close()
    return answers


def obey(order):
    if order["do"] == "listen":
        for port in order["ports"]:
            listen(port, order["groups"])
        return True
    if order["do"] == "probe":
        return probe_all(order["probes"], order["wait"])
    return {word: HEARD.pop(word) for word in list(HEARD)}


def main():
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
