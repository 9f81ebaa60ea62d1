# Ids from the vocabulary to 2^24-1 are special, with a warning; from 2^24 on there are none.
. "$SRC/tests/cli/prelude"
keys plain-provider
detect() { verdigris detect --profile "$data/plain.json" --key plain-provider.key --json "$@" | grep -o '"\(counts\|warnings\)":\({[^}]*}\|\[[^]]*\]\)'; }
echo '3 4 5 512 16777215 6 7 8' | detect --ids text
run() { verdigris detect --profile "$data/plain.json" --key plain-provider.key "$@" && status=0 || status=$?; echo "exit $status"; }
echo '3 4 16777216' | run --ids text
printf '\377\377\377\377' | run --ids u32
printf '\003\000\004' | run --ids u16
printf '[3,4]\n[3,4.5]\n' | run --ids json --json | tail -1
printf '3 -4' | run --ids text
printf '3 99999999999999999999999' | run --ids text
