# A corpus of token ids: listed, scanned, gone on with, in shards, rechecked; what ends with which status.
. "$SRC/tests/cli/prelude"
keys plain-provider
mkdir corpus
awk '{ print "{\"id\":\"r" NR "\",\"tokens\":" $0 "}" }' "$data/plain.jsonl" > corpus/a.jsonl
{ cat corpus/a.jsonl; echo '{"id":"no tokens"}'; } | gzip -n > corpus/b.jsonl.gz
scan() { verdigris scan --profile "$data/plain.json" --key plain-provider.key --ids-field tokens --min-scored 20 --threads 2 "$@"; }
echo "- a list"
try scan -n -o run corpus | sed 's/about .* with/about some time with/'
echo "- a scan; one record failed"
try scan -o run corpus
ls run
echo "- the same again, from what the directory says"
verdigris scan --key plain-provider.key -o run --json > again.json || echo "exit $?"
cmp run/summary.json again.json
echo "- shards in any order, one twice"
for i in 2 0 2 1; do try scan -o shards --shard $i/3 corpus; done
try verdigris merge shards -o merged > merged.txt
for file in results.jsonl groups.jsonl errors.jsonl summary.json; do cmp run/$file merged/$file; done
echo "- from a list of files"
printf 'corpus/b.jsonl.gz\ncorpus/a.jsonl\n' | try scan -o listed --files-from - > listed.txt
cmp run/summary.json listed/summary.json
echo "- status and recheck"
try verdigris scan --status run | grep -v '^rate'
try verdigris scan --key plain-provider.key --recheck 5 run
unit=$(find run/done -name '*.unit' | sort | head -1)
echo "- findings and the exit status"
try scan -o whole corpus/a.jsonl --exit-code > whole.txt
echo "- another run in the same directory"
try scan -o run --alpha 0.001 corpus > other.txt
try scan -o run --rule tuple corpus
try scan -o run --unit-bytes 1M corpus
try scan -o run corpus/a.jsonl
echo "- text, whatever the tokenizer remembers"
cp "$SRC/tests/data/tiny_bpe.model" t.model
keys master
verdigris profile new --tokenizer t.model -o t.json 2> /dev/null
verdigris derive --from master.key --profile t.json --epoch 1 --role provider -o t.key 2> /dev/null
for cache in 16M 1K 0; do
  verdigris scan --profile t.json --key t.key --tokenizer t.model --tokenizer-cache $cache --min-scored 1 --unit-bytes 4K -o text$cache "$SRC/tests/data/tiny_corpus.txt" > /dev/null
  cmp text16M/summary.json text$cache/summary.json
done
try scan -o none --tokenizer-cache 17M "$SRC/tests/data/tiny_corpus.txt"
echo "- each tuple in the first document alone: of copies one is tested"
try scan -o none --assign last-seen corpus
try scan -o none --assign first-seen corpus
try scan -o none --assign first-seen --exact --group-by source corpus
try scan -o none --assign first-seen --exact --max-doc-bytes 1K corpus
try scan -o run --assign first-seen --exact corpus
try scan -o first --assign first-seen --exact corpus
for i in 1 0; do try scan -o first_shards --assign first-seen --exact --shard $i/2 corpus; done
try verdigris merge first_shards -o first_merged > merged.txt
for file in results.jsonl groups.jsonl errors.jsonl summary.json; do cmp first/$file first_merged/$file; done
try verdigris scan --key plain-provider.key -o first > again.txt
try verdigris scan --status first | grep -v '^rate'
try verdigris scan --key plain-provider.key --recheck 5 first
try verdigris report first -o first.html
grep -c 'First-seen assignment' first.html
echo "- a text where ids are read is no crash: a record without them"
try scan -o no_ids "$SRC/tests/data/tiny_corpus.txt" | head -3
echo "- what cannot be scanned"
try scan -o none nowhere
try scan -o none
try verdigris scan -o none corpus
try scan -o run --shard 3/3 corpus
try scan -o run --progress yaml corpus
try scan -o run --tau 0.003 corpus
try scan -o run --group-by colour corpus
head -c 200 corpus/b.jsonl.gz > corpus/c.jsonl.gz
try scan -o broken corpus > broken.txt
