# Ids as they come: lines as the anytime p falls, an end at alpha, and what cannot be watched.
. "$SRC/tests/cli/prelude"
keys plain-provider
record plain 1 > marked
seq 3 3000 > unmarked
watch() { verdigris detect --watch --profile "$data/plain.json" --key plain-provider.key "$@"; }
try watch --ids text < marked
try watch --ids text --test localized < marked | tail -2
try watch --ids text --json < marked | tail -2
try watch --ids text < unmarked
printf '5 6 7' | try watch --ids text
echo "what is no id"
printf '5 6 x 7' | try watch --ids text
printf '5 6 16777216' | try watch --ids text
printf '5 6 0000000000000000000000012 7' | try watch --ids text
echo "usage"
try watch < marked
try watch --ids u32 < marked
try watch --ids text marked
try watch --ids text --test proxy --proxy pocket < marked
try watch --ids text --test combined < marked
