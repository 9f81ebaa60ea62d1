# A null corpus in the formats of a scan, with groups, a limit and little memory. Its evidence root is that of a scan, and a key that
# was chosen on it is not tested on it.
. "$SRC/tests/cli/prelude"
model="$SRC/datasets/pocket_lm/tokenizer.model"
verdigris keygen -o master.key 2>/dev/null
verdigris profile new --scheme green --tokenizer "$model" -o p.json 2>/dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o a.key 2>/dev/null
tr -cs 'A-Za-z' '\n' < "$SRC/README.md" | sort -u > list
# Documents of words, no two alike: as files, and as lines of hosts in turn.
documents() {
  awk -v from="$1" -v to="$2" '{ word[NR] = $0 } END { for (i = from; i <= to; ++i) { srand(i); line = ""; for (k = 0; k < 150; ++k) line = line word[1 + int(rand() * NR)] " "
         printf "{\"id\":\"d%d\",\"url\":\"https://%s.example/%d\",\"text\":\"%s\"}\n", i, i % 3 ? "a" : "b", i, line } }' list
}
documents 1 120 > null.jsonl
documents 121 180 > other.jsonl
mkdir corpus
i=100
while read -r line; do
  i=$((i + 1))
  printf '%s' "$line" | sed 's/.*"text":"\(.*\)"}/\1/' | tr -d '\n' > corpus/$i.txt
done < null.jsonl
gzip -k null.jsonl
run="verdigris calibrate --profile p.json --key a.key"

echo "files, lines and a gzip of them hold the same documents"
$run corpus | grep -v root > of_files
$run null.jsonl | grep -v root | cmp - of_files
$run null.jsonl.gz | grep -v root | cmp - of_files
grep -o '^120 documents' of_files
echo "groups"
try $run --group-by host --json -o cal.json null.jsonl.gz > out
grep -o '"groups":\[' cal.json
grep -o '"name":"[ab].example"' cal.json
$run --group-by host null.jsonl.gz | sed -n 's/^ *\([0-9]*\) .* \([ab].example\)$/\1 \2/p'
echo "a limit, and what is in the way"
$run --max-tokens 2000 corpus | sed -n 's/^\([0-9]*\) documents, .*/\1/p' | awk '{ print ($1 > 2 && $1 < 20) ? "few" : "wrong" }'
{ head -n 30 null.jsonl; echo '{"id":"x"}'; tail -n +31 null.jsonl; } > gap.jsonl
try $run gap.jsonl | sed -n '1s/,.*//p; $p'
try $run --format lines --files-from - < /dev/null
try $run corpus/101.txt missing.txt
try $run --text-field id null.jsonl
echo "token ids need no tokenizer"
awk 'BEGIN { srand(5); for (d = 0; d < 40; ++d) { printf "{\"ids\":["; for (t = 0; t < 200; ++t) printf "%s%d", t ? "," : "", 3 + int(rand() * 4000); print "]}" } }' > ids.jsonl
try $run --ids-field ids ids.jsonl | sed -n '1s/,.*//p; $p'
echo "little memory takes a sample, from which no stop list is made"
$run --memory 1M null.jsonl | grep -o 'the overlap is of 1 tuple in 2,'
try $run --memory 1M --stop-list stop null.jsonl > /dev/null
echo "the root is that of a scan"
verdigris scan --profile p.json --key a.key -o run null.jsonl.gz > /dev/null 2>&1
verdigris merge run -o merged --json | grep -o '"root":"[0-9a-f]*"' > root
grep -o '"root":"[0-9a-f]*"' cal.json | cmp - root
# Where a document is kept for its p, it is refused before the root is: which of the two is up to the key.
echo "a key that was chosen here is not tested here, and elsewhere it counts"
try verdigris merge run -o refused --calibration cal.json
test -e refused/summary.json || echo "nothing written"
verdigris scan --profile p.json --key a.key -o elsewhere other.jsonl > /dev/null 2>&1
try verdigris merge elsewhere -o counted --calibration cal.json | grep -o '^calibration: documents share\|^exit 0'
grep -o '"calibration":{' counted/summary.json
