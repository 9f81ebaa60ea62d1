"""Exact binomial tails for small n: every k, n <= 20, written as law_small_exact.json (statistics.md section 11, P4).

    python3 make_p4.py > law_small_exact.json

Tails are exact rationals (fractions.Fraction). Their logarithms are taken by decimal with 120 digits, so that a tail of
1 - 1e-78 keeps its difference from 1, and then rounded once to a double.
"""
import decimal
import json
from fractions import Fraction
from math import comb

decimal.getcontext().prec = 120


def log10(p):
    return 0.0 if p == 1 else float((decimal.Decimal(p.numerator) / decimal.Decimal(p.denominator)).log10())


rows = []
for num, den in ((1, 20), (1, 4), (1, 2), (2048, 8191)):
    g = Fraction(num, den)
    for n in range(21):
        pmf = [comb(n, j) * g**j * (1 - g) ** (n - j) for j in range(n + 1)]
        rows += [[n, k, num, den, log10(sum(pmf[k:]))] for k in range(n + 1)]

print('{"source": "tests/vectors/make_p4.py: exact rationals, logarithms with 120 digits",')
print(' "columns": ["n", "k", "gamma numerator", "gamma denominator", "log10 P(Bin(n, gamma) >= k)"],')
print(' "rows": [\n  ' + ",\n  ".join(json.dumps(r) for r in rows) + "]}")
