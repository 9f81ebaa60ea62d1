# Token ids in every form; the numbers are those of data/README.md.
. "$SRC/tests/cli/prelude"
keys plain-provider
cp "$data/plain.jsonl" .
# Nine places, which hold on every machine.
places() { sed 's/\(\.[0-9]\{9\}\)[0-9]*/\1/g'; }
detect() { verdigris detect --profile "$data/plain.json" --key plain-provider.key "$@"; }
detect --ids json --json plain.jsonl | places
try detect --ids json plain.jsonl
record plain 4 > ids.txt
python3 -c 'import array, sys
ids = [int(word) for word in open("ids.txt").read().split()]
open("ids.u16", "wb").write(b"".join(i.to_bytes(2, "little") for i in ids))
open("ids.u32", "wb").write(b"".join(i.to_bytes(4, "little") for i in ids))'
detect --ids text --json - < ids.txt > text.json
detect --ids text --json < ids.txt > without-dash.json
detect --ids u16 --json - < ids.u16 > u16.json
detect --ids u32 --json - < ids.u32 > u32.json
cmp text.json u16.json && cmp text.json u32.json && cmp text.json without-dash.json && echo "all forms alike"
detect --ids text --json --test anytime ids.txt | grep -o '"verdict_by":"[^"]*"'
