# Texts on the page are read again from their inputs, and not shown where these have changed.
. "$SRC/tests/cli/prelude"
keys master
cp "$SRC/tests/data/tiny_bpe.model" t.model
verdigris profile new --tokenizer t.model -o p.json 2> /dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key 2> kid
python3 "$SRC/tests/report/make_results.py" r --documents 1000 --marked 3 --groups 0 --errors 0
printf 'a first line\nthe copper roof turns <green> in the rain\n' > lines.txt
python3 - "$(verdigris profile digest p.json | cut -c1-64)" "$(sed -n 's/.*key \([0-9a-f]\{16\}\) of.*/\1/p' kid)" <<'PYTHON'
import hashlib, json, sys
profile, kid = sys.argv[1:]
rows = [json.loads(line) for line in open("r/results.jsonl")]
summary = json.load(open("r/summary.json"))
found = sorted((row for row in rows if row["finding"]), key=lambda row: row["log10_p"])
text = b"the copper roof turns <green> in the rain"
for place, row in enumerate(found):
    row.update(uri="lines.txt", segment=0, ordinal=1, part=0, offset=13, length=len(text), kids=[kid], spans=[], text=hashlib.sha256(text).hexdigest()[:32])
    if place == 1:
        row["text"] = "0" * 32
    if place == 2:
        row["kids"] = ["0" * 16]
summary["profile"] = profile
json.dump(summary, open("r/summary.json", "w"))
open("r/results.jsonl", "w").writelines(json.dumps(row) + "\n" for row in rows)
unit = {"format": "lines", "path": "", "size": 55, "unit_bytes": 67108864, "uri": "lines.txt", "schema": "verdigris.unit/1", "mtime_ns": "0", "seekable": 1, "segments": 1}
with open("units.jsonl", "w") as file:
    print(json.dumps({"inputs": 1, "run": summary["run"], "schema": "verdigris.units/1"}, sort_keys=True, separators=(",", ":")), file=file)
    print(json.dumps(unit, sort_keys=True, separators=(",", ":")), file=file)
PYTHON
try verdigris report r --snippet 3 --profile p.json --key k.key --units units.jsonl --base . -o page.html
grep -c 'class="text"' page.html
grep -o '&lt;[^;]*&gt;' page.html | head -1
grep -o 'Not shown: [^<]*' page.html
try verdigris report r --snippet 3 -o x
try verdigris report r --snippet 3 --profile p.json --key k.key -o x
try verdigris report r --snippet 3 --format csv -o x
