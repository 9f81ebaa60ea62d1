# What a scan found as attributes of Dolma: a file for each input, a line for each record, places in characters.
. "$SRC/tests/cli/prelude"
pocket_suspect 2> /dev/null
verdigris generate --profile p.json --key k.key --prompt "Once upon a time" --max-tokens 200 --seed 1 -o marked.txt 2> /dev/null
verdigris generate --profile p.json --unmarked --prompt "Once upon a time" --max-tokens 200 --seed 1 -o plain.txt 2> /dev/null
mkdir -p corpus/documents corpus/odd
python3 - <<'PYTHON'
import gzip, json
marked, plain = open("marked.txt").read(), open("plain.txt").read()
with gzip.open("corpus/documents/a.jsonl.gz", "wt") as file:
    print(json.dumps({"id": "plain", "text": plain}), file=file)
    print("no json", file=file)
    print(json.dumps({"id": "änderung", "text": "ünïcödé " * 20 + marked}, ensure_ascii=False), file=file)
with open("corpus/odd/-x y.jsonl", "w") as file:
    print(json.dumps({"id": "m", "text": marked}), file=file)
    print(json.dumps({"id": "none", "text": 7}), file=file)
PYTHON
scan() { verdigris scan --profile p.json --key k.key --threads 1 --min-scored 20 "$@" > /dev/null 2>&1 || echo "scan: exit $?"; }
scan -o run corpus
try verdigris report run --format dolma -o attributes
find attributes -type f | sort | sed 's/[0-9a-f]\{32\}/DIGEST/'
sed 's/[0-9a-f]\{32\}/DIGEST/' attributes/inputs.jsonl
cat > check.py <<'PYTHON'
import gzip, json, sys
run, folder = sys.argv[1:]
files = {row["uri"]: row["file"] for row in map(json.loads, open(folder + "/inputs.jsonl"))}
expected = {}
for row in map(json.loads, open(run + "/results.jsonl")):
    expected.setdefault((row["uri"], row["ordinal"]), []).append(row)
seen = 0
for uri, file in files.items():
    lines = [json.loads(line) for line in gzip.open(f"{folder}/{file}", "rt", encoding="utf-8")]
    opened = gzip.open if uri.endswith(".gz") else open
    records = list(opened(uri, "rt", encoding="utf-8"))
    assert len(lines) == len(records), "a line a record"
    for ordinal, (line, record) in enumerate(zip(lines, records)):
        rows = expected.get((uri, ordinal), [])
        found = line["attributes"]["verdigris__0__log10_p"]
        assert [entry[2] for entry in found] == [row["log10_p"] for row in rows]
        for (first, end, _), row in zip(found, rows):
            text = json.loads(record)["text"][first:end]
            assert len(text.encode()) == row["length"], "places are characters"
            seen += 1
        print(line["id"], "found" if found else "nothing", *["in parts"] * (len(found) > 1))
assert seen == sum(map(len, expected.values())) > 0
PYTHON
python3 check.py run attributes
echo "- documents in parts"
scan -o parts --max-doc-bytes 400 --tau 0.1 corpus
verdigris report parts --format dolma -o parts_attributes
python3 check.py parts parts_attributes | grep -c 'in parts'
echo "- what cannot be"
try verdigris report run --format dolma -o attributes
try verdigris report run --format dolma -o other --base nowhere
mv run/units.jsonl . && try verdigris report run --format dolma -o other2
mv units.jsonl run/ && try verdigris report run --format dolma -o other3 --units parts/units.jsonl
sed -i '1s/e/i/3' "corpus/odd/-x y.jsonl"
try verdigris report run --format dolma -o other4
