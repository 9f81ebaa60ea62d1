# 0 detected, 1 not detected, 5 inconclusive, 3 an input failed; of several the rule of command-line.md L5.
. "$SRC/tests/cli/prelude"
keys plain-provider
record plain 1 > marked
record plain 5 > short
seq 3 511 > unmarked
: > empty
printf '5 x' > bad
run() { verdigris detect --profile "$data/plain.json" --key plain-provider.key --ids text "$@" > out && status=0 || status=$?; grep '^[^ ]' out || true; echo "exit $status"; }
run marked
run unmarked
run short
run empty
run unmarked short
run unmarked short marked
run marked bad unmarked
run missing
run --alpha 1e-18 marked
run --alpha 1e-40 marked
echo "in words"
try verdigris detect --profile "$data/plain.json" --key plain-provider.key --ids text unmarked
try verdigris detect --profile "$data/plain.json" --key plain-provider.key --ids text empty
