# The whole way: profile, keys, marked and unmarked answers of the pocket model, and what detect says of them.
. "$SRC/tests/cli/prelude"
keys master
model=$SRC/datasets/pocket_lm/tokenizer.model
verdigris profile new --tokenizer "$model" -o p.json 2> /dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key 2> /dev/null
prompt='Once upon a time, there was a little'
generate() { verdigris generate --profile p.json --key k.key --prompt "$prompt" "$@"; }
generate --seed 1 --max-tokens 300 -o marked.txt
generate --seed 1 --max-tokens 300 > again.txt
cmp marked.txt again.txt && echo "same seed, same answer"
generate --seed 2 --max-tokens 300 > other.txt
cmp -s marked.txt other.txt || echo "another seed, another answer"
grep -c "$prompt" marked.txt || true
verdigris generate --profile p.json --unmarked --prompt "$prompt" --seed 1 --max-tokens 300 > unmarked.txt
generate --max-tokens 1 > /dev/null
generate --seed 1 --max-tokens 300 --ids > ids.txt
cmp -s marked.txt ids.txt || wc -w < ids.txt > /dev/null
for file in marked.txt unmarked.txt; do
  verdigris detect --profile p.json --key k.key $file > out && status=0 || status=$?
  test $file = unmarked.txt || echo "$file exit $status"
  test $file = marked.txt || test $status -ne 0 && echo "$file as expected"
done
verdigris detect --profile p.json --key k.key --ids text ids.txt > /dev/null
echo "ids exit $?"
echo "refused"
try generate --temperature -1
try generate --top-p 0
try generate --min-p 2
try generate --max-tokens 0
try generate --seed x
try verdigris generate --profile p.json --prompt x
try generate --seed 1 -o missing/a.txt
