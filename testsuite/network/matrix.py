# SPDX-License-Identifier: MIT
"""Who reaches whom: what is promised of a lab, and what is there.

A key of the matrix is (source, target, port, family, kind of probe).
"""
import ipaddress

import lab
from lab import OTHER, SERVICE
from networks import FAMILIES, V4, V6

KINDS = {OTHER: ("tcp", "udp", "echo"), SERVICE: ("dns-tcp",)}

# --- what is promised ------------------------------------------------------------------------------------

def is_host(machine):
    return machine == "host" or machine.startswith("host of ")


def device(net, machine):
    """The host's device towards a machine."""
    return net.via.get(machine) or net.home[machine].bridge


def wire(net, machine):
    """The network of macvtaps that a machine is on, as a guest or beside them."""
    of = net.home.get(machine) or net.segment.get(machine)
    return of if of and of.macvtap else None


def rejects(net, key):
    """Would a rule of a router say no, and not the wire?"""
    a, b = (net.home.get(m) for m in key[:2])
    # TCP in its first moment overhears it, and asks again after a second
    return a is not b and not wire(net, key[0]) and not wire(net, key[1]) and key[4] in ("udp", "echo")


def promised(net, source, target, port, family, kind):
    a, b = net.home.get(source), net.home.get(target)
    if wire(net, source) or wire(net, target):
        # frames of a macvtap leave by its parent; the switch of this lab sends none back
        return wire(net, source) is wire(net, target) and a is not b
    if is_host(target):
        return a is None or a.all_of_host(family) or kind == "echo" or (port == SERVICE and a.written[family])
    if source == "host" or a is b:
        return a is not b or not a.isolated_ports
    return (a is None or a.begins(family, device(net, target))) and \
        (b is None or b.answers(family, device(net, source)))


def promised_where_all_is_dropped(net, source, target, port, family, kind):
    """The same on a host whose own policy is to drop, where rules of ours come first."""
    ours = [n for n in (net.home.get(source), net.home.get(target)) if n and n.mode != "open" and n.written[family]]
    if is_host(target):
        return kind == "echo" or (port == SERVICE and bool(ours))
    if source == "host" or net.home.get(source) is net.home.get(target):
        return True
    return bool(ours) and promised(net, source, target, port, family, kind)


def seen_as(net, source, target, family):
    """The addresses that the target may see a packet of the source come from."""
    a, b = net.home.get(source), net.home.get(target)
    if a and not wire(net, source) and not a.own(family) and a is not b and not is_host(target):
        if a.range and family == V4:
            return ["198.18.1.%d" % i for i in range(50, 61)]
        if b:
            return [net.address[f"host of {b.name}"][family]]
        return [str(ipaddress.ip_network(lab.UPLINKS[net.via[target]][1][family])[1])]
    return [net.address[source][family]]


# --- probes ----------------------------------------------------------------------------------------------

def ends(net):
    """Where there are many, a second guest is asked by the first one alone."""
    return ["host", *net.via, *(net.home if len(net.home) < 8 else (f"{n}1" for n in net.networks))]


def own(net, network):
    """The host where it is the network's gateway, if it is."""
    return [name for name in [f"host of {network.name}"] if name in net.address]


def gateways(net):
    return (name for name in net.address if name.startswith("host of "))


def all_pairs(net):
    for source in ends(net):
        for target in ends(net):
            if source != target and target != "host" and (source in net.home or target in net.home):
                yield source, target, OTHER
        a = net.home.get(source)
        if not a:
            continue
        second = f"{a.name}2"
        if second in net.machines and second != source:
            yield source, second, OTHER
            yield second, source, OTHER
        for target in dict.fromkeys(("host", *own(net, a), *list(gateways(net))[:5:2])):
            yield source, target, OTHER
            if a.routed:
                yield source, target, SERVICE


def kinds(net, source, target, port):
    """What is asked of a port. dnsmasq answers UDP of its own network alone, whatever rules say."""
    served = port == SERVICE and target in own(net, net.home[source]) and any(net.home[source].written)
    return (*KINDS[port], *(["dns"] if served else []))


def ask(net, tag):
    """((source, target, port, family, kind): does it get there, and the answers, and who heard what from where)"""
    keys, probes = [], []
    for source, target, port in dict.fromkeys(all_pairs(net)):
        for family in (V4, V6):
            if not net.address[target][family] or not net.address[source][family]:
                continue
            for kind in kinds(net, source, target, port):
                keys.append((source, target, port, family, kind))
                probes.append((source, kind, net.address[target][family], port, None, 0, word(tag, keys[-1])))
    answers = dict(zip(keys, net.probe(probes)))
    heard = net.heard()
    result = {k: word(tag, k) in heard if k[4] == "udp" else answers[k][0] == "yes" for k in keys}
    return result, answers, heard


def word(tag, key):
    return f"{tag} {' '.join(map(str, key))}"


def told(title, key):
    source, target, port, family, kind = key
    return f"{title}: {source} to {target} port {port}, {FAMILIES[family]} {kind}"


def check_matrix(c, title, net, promise=promised):
    result, answers, heard = ask(net, title)
    for key, there in result.items():
        want = promise(net, *key)
        c.check(want is None or there == want,
                f"{told(title, key)}: {'arrives' if there else 'does not arrive'} {answers[key]}")
        if promise is promised and not want and rejects(net, key):
            c.check(answers[key][0] == "refused", f"{told(title, key)}: is not rejected but {answers[key]}")
        if there and key[4] == "udp" and key[0] != "host":
            seen = [p[1] for p in heard[word(title, key)]]
            c.check(len(seen) == 1 and seen[0] in seen_as(net, key[0], key[1], key[3]),
                    f"{told(title, key)}: comes from {seen}")
    return result
