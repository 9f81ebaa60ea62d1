# The result files of a corpus as a page, tables and SARIF; hostile names; files that do not belong together.
. "$SRC/tests/cli/prelude"
python3 "$SRC/tests/report/make_results.py" r --documents 3000 --marked 5 --groups 2 --errors 2
report() { try verdigris report "$@"; }
report r -o page.html
grep -c '<svg ' page.html
grep -o 'lead">[^<]*' page.html
report r --format csv -o f.csv
report r --format tsv --all -o f.tsv
report r --format sarif -o f.sarif
wc -l < f.csv
wc -l < f.tsv
head -1 f.csv | tr -d '\r'
python3 -c "import json; run = json.load(open('f.sarif'))['runs'][0]; print(len(run['results']), run['results'][0]['ruleId'])"
verdigris report r -o /dev/stdout | cmp - page.html && echo "the same on a pipe"

echo "--- names that a page, a spreadsheet or a terminal would obey"
python3 "$SRC/tests/report/make_results.py" h --documents 3000 --marked 40 --hostile
report h -o hostile.html
report h --format csv -o hostile.csv
LC_ALL=C grep -c "$(printf '[\001-\010\013-\037\177]')" hostile.html || true
grep -ci '<script' hostile.html || true
LC_ALL=C tr -d '\r' < hostile.csv | LC_ALL=C grep -c "$(printf '[\001-\011\013-\037\177]')" || true
python3 -c "
import csv
rows = list(csv.reader(open('hostile.csv', newline='', encoding='utf-8')))
assert {len(row) for row in rows} == {27}, 'rows of one length'
assert not [cell for row in rows[1:] for cell in (row[0], row[6], row[7]) if cell[:1] in '=+-@' and cell], 'no formula'
print(len(rows) - 1, 'rows')"

echo "--- what cannot be used"
report nowhere -o x
report r
report r r -o x
report r --format pdf -o x
report r --all -o x
report r -o no/folder/x
sed '$d' r/results.jsonl > cut && cp -r r c && mv cut c/results.jsonl
report c -o x
sed '2s/"n":[0-9]*/"n":-1/' r/results.jsonl > wrong && cp -r r w && mv wrong w/results.jsonl
report w --format csv -o x
echo '{"schema":"verdigris.corpus/2"}' > w/summary.json
report w -o x
test ! -e x && echo "nothing was written"
