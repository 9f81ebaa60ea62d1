# Text: whatever its bytes are, it is tested.
. "$SRC/tests/cli/prelude"
keys master
cp "$SRC/tests/data/tiny_bpe.model" t.model
verdigris profile new --tokenizer t.model -o p.json
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key
detect() { verdigris detect --profile p.json --key k.key "$@"; }
short() { grep -o '"\(input\|verdict\|counts\|warnings\)":\("[^"]*"\|{[^}]*}\|\[[^]]*\]\)'; }
printf 'the copper roof turns green in the rain' > plain.txt
printf 'copper \377\376 and \303 rain' > invalid.txt
printf '\000\001\002\033[2J\000' > binary
: > empty.txt
for file in plain.txt invalid.txt binary empty.txt; do
  status=0
  detect --json $file > out || status=$?
  short < out
  echo "exit $status"
done
echo "trace"
{ detect --trace --json - < plain.txt || true; } | head -4
{ detect --trace --json plain.txt || true; } | tail -1 | grep -o '"input":"[^"]*"'
echo "a file named like a verb, one in brackets, one that begins with a dash"
cp plain.txt show; cp plain.txt '[a,b]'; cp plain.txt ./-x
{ detect --json show '[a,b]' -- -x || true; } | grep -o '"input":"[^"]*"'
