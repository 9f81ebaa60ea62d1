# Exit statuses of a scan and which goes before which (corpus.md K15): 4, then 3, 1, 0; a disk that takes no more, a reader that went
# away, findings that were known.
. "$SRC/tests/cli/prelude"
keys plain-provider
mkdir good bad
awk '{ print "{\"id\":\"r" NR "\",\"tokens\":" $0 "}" }' "$data/plain.jsonl" > good/a.jsonl
cp good/a.jsonl bad/a.jsonl
echo '{"id":"no tokens"}' >> bad/a.jsonl
scan() { verdigris scan --profile "$data/plain.json" --key plain-provider.key --ids-field tokens --min-scored 20 --threads 1 "$@"; }
quiet() { try scan "$@" > said; grep exit said; }
echo "findings, without and with --exit-code"
quiet -o good-run good
quiet -o good-run --exit-code good
echo "a record that failed goes before findings"
quiet -o bad-run --exit-code bad
echo "findings that were known"
quiet -o again --exit-code --baseline good-run/results.jsonl good
grep -o '"findings":[0-9]*' again/summary.json
try verdigris merge good-run -o merged --exit-code > said && grep exit said
try verdigris merge good-run -o merged --exit-code --baseline good-run/results.jsonl > said && grep exit said
echo "a disk that takes no more, with a record that failed: what is done is kept, and the same command goes on"
for i in $(seq 40); do cat good/a.jsonl; done > bad/b.jsonl
scan -o whole --unit-bytes 64K bad > said || true
status=0
(
  trap '' XFSZ
  ulimit -f 8
  scan -o full --unit-bytes 64K bad
) > said 2> why || status=$?
echo "exit $status"
grep -c 'large\|space' why
test ! -e full/summary.json && echo "no results"
quiet -o full
for file in results.jsonl groups.jsonl errors.jsonl summary.json; do cmp whole/$file full/$file; done
echo "a reader that went away changes nothing"
{ scan -o piped --unit-bytes 64K bad || true; } 2> /dev/null | true
quiet -o piped
cmp whole/summary.json piped/summary.json
