# A stop list of what documents share: its tuples are left out of every test, and the finding names it.
. "$SRC/tests/cli/prelude"
model="$SRC/datasets/pocket_lm/tokenizer.model"
verdigris keygen -o master.key 2>/dev/null
verdigris profile new --scheme green --tokenizer "$model" -o p.json 2>/dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o a.key 2>/dev/null
# 20 documents: 100 words that all have, and 100 of their own.
words() { awk -v seed="$1" 'BEGIN { for (x = seed; i < 100; ++i) { x = (x * 1103 + 12345) % 65537; printf "%c%c%c%c ", 97 + x % 26, 97 + x % 23, 97 + x % 19, 97 + x % 7 } }'; }
mkdir corpus
for i in $(seq 20); do { words 7; words $((100 + i)); } > corpus/$i.txt; done
verdigris calibrate --profile p.json --key a.key --stop-list stop corpus > out 2>/dev/null
grep -o 'tuples of more than .* documents' out
run() { verdigris detect --profile p.json --key a.key "$@"; }
scored() { grep -o '"scored":[0-9]*' | cut -d: -f2; }
run --json corpus/1.txt > all || true
run --json --stop-list stop corpus/1.txt > less || true
a=$(scored < all) b=$(scored < less)
[ "$b" -gt 50 ] && [ $((b * 3)) -lt $((a * 2)) ] && echo "fewer are scored"
grep -c '"stop_list"' all || true
grep -o '"stop_list":"[0-9a-f]*"' less | cut -d'"' -f4 > named
sha256sum < stop | cut -c-64 | cmp - named && echo "named by its digest"
run --stop-list stop corpus/1.txt | grep -o 'its tuples count as special'
run --json --stop-list stop --decoys 99 corpus/1.txt | grep -o '"decoys":{"count":99'
verdigris show --profile p.json --key a.key --stop-list stop --color never corpus/1.txt | grep -o 'its tuples count as special'
echo "lists that cannot be used"
try run --stop-list missing corpus/1.txt
try run --stop-list p.json corpus/1.txt
head -c 100 stop > cut
try run --stop-list cut corpus/1.txt
tail -c 16 stop | cat stop - > twice
try run --stop-list twice corpus/1.txt
verdigris profile new --scheme green --tokenizer "$model" --window 3 -o wide.json 2>/dev/null
verdigris derive --from master.key --profile wide.json --epoch 1 --role provider -o wide.key 2>/dev/null
try verdigris detect --profile wide.json --key wide.key --stop-list stop corpus/1.txt
keys plain-provider
try verdigris detect --profile "$data/plain.json" --key plain-provider.key --ids text --stop-list stop named
try run --watch --ids text --stop-list stop < named
