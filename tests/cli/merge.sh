# Units of two runs put together: any order, the same result; what is missing, contradicts or belongs elsewhere ends it. The runs are
# made up (tests/verify/corpus/unit_run.h) and hold no text.
. "$SRC/tests/cli/prelude"
cp -R "$data/merge/a" "$data/merge/b" .
files="results.jsonl groups.jsonl errors.jsonl summary.json"
same() { for file in $files; do cmp "$1/$file" "$2/$file"; done; }
none() { for file in $files; do test ! -e "$1/$file" || echo "$1/$file is there"; done; }
echo "two halves"
verdigris merge a b -o out
wc -l < out/results.jsonl
# Logarithms to six places.
head -qn 1 out/results.jsonl out/groups.jsonl | sed 's/\("log10_.":-*[0-9]*\.[0-9]\{1,6\}\)[0-9]*/\1/g'
echo "another order, one twice"
verdigris merge b a b -o again > /dev/null
same out again
echo "rows of an engine"
mkdir rows
for unit in b/done/*/*.unit; do
  echo "{\"unit_id\":\"$(basename "$unit" .unit)\",\"body\":\"$(base64 "$unit" | tr -d '\n')\"}"
done > rows/part-0
verdigris merge a --rows rows -o of_rows > /dev/null
same out of_rows
echo "one half"
try verdigris merge a -o half
none half
try verdigris merge a -o half --partial --missing missing.jsonl | tail -1
wc -l < missing.jsonl
grep -o '"partial":1' half/summary.json
echo "a contradiction"
unit=$(ls a/done/*/*.unit | head -1)
mkdir -p b/done/"$(basename "$(dirname "$unit")")"
sed '1s/"not_text":0/"not_text":1/' "$unit" > b/done/"$(basename "$(dirname "$unit")")/$(basename "$unit")"
try verdigris merge a b -o conflict
none conflict
rm b/done/"$(basename "$(dirname "$unit")")/$(basename "$unit")"
echo "another run"
cp -R b other
sed 's/"min_scored":1,/"min_scored":2,/' b/run.json > other/run.json
try verdigris merge a other -o mixed
none mixed
echo "damage"
cp -R b damaged
printf x >> "$(ls damaged/done/*/*.unit | head -1)"
try verdigris merge a damaged -o broken
none broken
echo "findings"
try verdigris merge a b -o out --exit-code | tail -1
try verdigris merge a b -o known --exit-code --baseline out/results.jsonl
try verdigris merge a b -o strict --alpha 1e-9 --control holm --family 3 --json | sed 's/.*\("control":"holm"\).*\("findings":[0-9]*\),"histogram.*/\1 \2/; s/\(.\{60\}\).*/\1/'
try verdigris merge a b -o loose --control none
echo "usage"
try verdigris merge -o out
try verdigris merge a -o out --control all
try verdigris merge a -o out --alpha 2
try verdigris merge nowhere -o out
