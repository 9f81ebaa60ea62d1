# The p that decides, log-probabilities of a proxy from a file, decoys, and a calibration that the key came out of.
. "$SRC/tests/cli/prelude"
keys plain-provider
record plain 1 > marked
run() { verdigris detect --profile "$data/plain.json" --key plain-provider.key --ids text "$@"; }
for test in fixed anytime localized combined; do run --test $test marked | grep decides; done
tr ' ' '\n' < marked | grep -c . > count
awk -v n="$(cat count)" 'BEGIN { for (i = 0; i < n; ++i) print i == 0 ? "-" : -0.1 - i % 7 }' > ln_q
run --proxy ln_q --test proxy marked | grep decides
echo "decoys"
run --decoys 99 marked | grep decoys
seq 3 511 > unmarked
run --decoys 99 --json unmarked | grep -o '"decoys":{"count":99' || true
echo "proxies that cannot be used"
head -5 ln_q > short
try run --proxy short marked
sed 's/^-1.1$/0.5/' ln_q > positive
try run --proxy positive marked
sed 's/^-1.1$/nan/' ln_q > nan
try run --proxy nan marked
try run --test proxy marked
try run --proxy ln_q --proxy-temperature 0 marked
try run --decoys 1000001 marked
try run --test both marked
