#!/usr/bin/env python3
"""Writes edges.json: where p-values stand among the edges of corpus.md C6, by exact integers (bits) and mpmath with 50 digits
(exponentials). A digest stands for each list of states; edges_test.cc builds the same lists.

usage: make_edges.py > edges.json        some minutes
"""
import hashlib
import json
from fractions import Fraction
from math import comb

from mpmath import gammainc, mp, mpf

mp.dps = 60
TAU = 300


def decade_edges():
    """floor(10^-(i/100) 2^4096) + 1: an integer tail over 2^m compares with it as with the number itself."""
    mp.prec = 4400
    out = [int(mp.floor(mpf(10) ** (mpf(-i) / 100) * mpf(2) ** 4096)) for i in range(TAU + 1)]
    mp.dps = 60
    return out


EDGES = decade_edges()


def place(tail, whole):
    """(row, bin, uniform) of tail/whole."""
    low, high = 0, TAU  # the most i with tail/whole <= 10^-(i/100)
    scaled = tail << 4096
    while low < high:
        middle = (low + high + 1) // 2
        exact = {0: (1, 1), 100: (1, 10), 200: (1, 100), 300: (1, 1000)}.get(middle)
        at_most = tail * exact[1] <= whole * exact[0] if exact else scaled <= EDGES[middle] * whole
        low, high = (middle, high) if at_most else (low, middle - 1)
    uniform = -(-20 * tail // whole) - 1
    return (1, 0, uniform) if low == TAU else (0, low, uniform)


def bits(numerator, denominator, most):
    digest, states = hashlib.sha256(), 0
    for n in range(1, most + 1):
        whole, tail = denominator**n, 0
        lines = []
        for k in range(n, -1, -1):
            tail += comb(n, k) * numerator**k * (denominator - numerator) ** (n - k)
            if tail * 10000 < whole:
                continue
            lines.append("%d %d %d %d %d\n" % (n, k, *place(tail, whole)))
        states += len(lines)
        digest.update("".join(lines).encode())
    return {"law": "bernoulli", "numerator": numerator, "denominator": denominator, "most_n": most, "states": states, "sha256": digest.hexdigest()}


def two_bits(heavy, light, most):
    digest, states = hashlib.sha256(), 0
    for n in range(1, most + 1):
        h, l = n * heavy, n * light
        whole = 2 ** (h + l)
        upper = [0] * (l + 2)
        for y in range(l, -1, -1):
            upper[y] = upper[y + 1] + comb(l, y)
        lines = []
        for s in range(2 * h + l, -1, -1):
            tail = sum(comb(h, x) * (upper[max(0, s - 2 * x)] if s - 2 * x <= l else 0) for x in range(h + 1))
            if tail * 10000 < whole:
                continue
            lines.append("%d %d %d %d %d\n" % (n, s, *place(tail, whole)))
        states += len(lines)
        digest.update("".join(lines).encode())
    return {"law": "two_bernoulli", "heavy": heavy, "light": light, "most_n": most, "states": states, "sha256": digest.hexdigest()}


def exponentials(lengths):
    """The least statistic with p <= edge, for each edge: it and the one below it are the states next to the edge."""
    digest, states = hashlib.sha256(), 0
    edges = [("d%d" % i, mpf(10) ** (mpf(-i) / 100)) for i in range(1, TAU + 1)]
    edges += [("u%d" % j, mpf(j) / 20) for j in range(19, 0, -1)]
    nearest = mpf(1)
    for n in lengths:
        s = mpf(n)
        for name, edge in edges:
            for _ in range(100):  # Newton on ln Q
                q = gammainc(n, s, regularized=True)
                slope = -mp.exp(-s + (n - 1) * mp.log(s) - mp.loggamma(n))
                step = q * mp.log(edge / q) / slope
                s += step
                if abs(step) < mpf(10) ** -40 * s:
                    break
            statistic = int(mp.ceil(s * 2**32))
            for t in (statistic - 1, statistic):
                q = gammainc(n, mpf(t) / 2**32, regularized=True)
                assert (q <= edge) == (t == statistic)
                nearest = min(nearest, abs(q / edge - 1))
            digest.update(("%d %s %d\n" % (n, name, statistic)).encode())
            states += 2
    return {"law": "gamma", "lengths": lengths, "states": states, "nearest": mp.nstr(nearest, 3), "sha256": digest.hexdigest()}


LENGTHS = [1, 2, 3, 5, 8, 13, 21, 34, 50, 51, 77, 100, 128, 200, 333, 500, 1000, 2000, 5000, 20000]
print(json.dumps({"tau_hundredths": TAU, "laws": [
    bits(1, 2, 420), bits(1, 4, 420), bits(3, 16, 200), bits(1, 20, 200), two_bits(2, 3, 40), exponentials(LENGTHS)]}, indent=1))
