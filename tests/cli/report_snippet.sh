# Texts on the page are read again from their inputs, as the run read them, and not shown where these have changed. Rows are made by
# hand over runs that only listed their inputs.
. "$SRC/tests/cli/prelude"
keys master
cp "$SRC/tests/data/tiny_bpe.model" t.model
verdigris profile new --tokenizer t.model -o p.json 2> /dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key 2> kid
kid=$(sed -n 's/.*key \([0-9a-f]\{16\}\) of.*/\1/p' kid)
mkdir in
printf 'x,a first line\r\ny,"the copper roof turns <green> in the rain, and then it is left alone for years"\r\nz,the co\342\200\213pper roof turns green\r\n' > in/t.csv
printf '{"ids":[5,6,7]}\n{"ids":[9,8,7,6,5,9]}\n' > in/t.jsonl
list="--profile p.json --key k.key --base in --max-doc-bytes 64 in"
verdigris scan -n $list/t.csv --no-header --text-field 1 --variants as-is,normalised --tokenizer t.model -o texts > /dev/null
verdigris scan -n $list/t.jsonl --ids-field ids -o ids > /dev/null
# Rows: uri, ordinal, part, bytes of the document, variant, key.
rows() {
  rm -rf r && python3 "$SRC/tests/report/make_results.py" r --documents 1000 --marked "$(($# - 1))" --groups 0 --errors 0
  python3 - "$(verdigris profile digest p.json | cut -c1-64)" "$@" <<'PYTHON'
import hashlib, json, sys
profile, run, *wanted = sys.argv[1:]
rows = [json.loads(line) for line in open("r/results.jsonl")]
summary = json.load(open("r/summary.json"))
found = sorted((row for row in rows if row["finding"]), key=lambda row: row["log10_p"])
assert len(found) >= len(wanted), "made results have that many findings"
for row, one in zip(found, wanted):
    uri, ordinal, part, text, variant, kid = json.loads(one)
    ids = isinstance(text, list)
    content = b"".join(i.to_bytes(4, "little") for i in text) if ids else text.encode("utf-8")
    row.update(uri=uri, segment=0, ordinal=ordinal, part=part, offset=0, length=len(text) if ids else len(content), kids=[kid], spans=[], variant=variant,
               text=hashlib.sha256(content).hexdigest()[:32])
summary["profile"] = profile
summary["run"] = json.loads(open(run + "/units.jsonl").readline())["run"]
json.dump(summary, open("r/summary.json", "w"))
open("r/results.jsonl", "w").writelines(json.dumps(row) + "\n" for row in rows)
PYTHON
}
page() { try verdigris report r --snippet 6 --profile p.json --key k.key "$@" -o page.html; }
shown() { grep -c 'class="text"' page.html || true; grep -o 'Not shown: [^<]*' page.html | sort -u || true; }
# What stands on the page, without the marks of its tokens.
text() { sed -n '/class="text"/p' page.html | sed 's/<[^>]*>//g' | tr -d '\n' | grep -o "$1" | head -1; }
whole='the copper roof turns <green> in the rain, and then it is left alone for years'
first=$(printf '%s' "$whole" | head -c 64)
second=$(printf '%s' "$whole" | tail -c +65)
rows texts "[\"t.csv\",1,0,\"$first\",\"as-is\",\"$kid\"]" "[\"t.csv\",1,1,\"$second\",\"as-is\",\"$kid\"]" \
  "[\"t.csv\",2,0,\"the co\\u200bpper roof turns green\",\"normalised\",\"$kid\"]" "[\"t.csv\",0,0,\"another line\",\"as-is\",\"$kid\"]" \
  "[\"t.csv\",0,0,\"a first line\",\"as-is\",\"0000000000000000\"]" "[\"t.csv\",0,0,\"a first line\",\"normalised\",\"$kid\"]"
page --units texts/units.jsonl --tokenizer t.model
shown
text 'turns &lt;green&gt; in'
text 'lone for years'
text 'pper roof turns green'
echo "--- ids"
rows ids "[\"t.jsonl\",1,0,[9,8,7,6,5,9],\"as-is\",\"$kid\"]" "[\"t.jsonl\",0,0,[5,6,8],\"as-is\",\"$kid\"]"
page --units ids/units.jsonl
shown
text '9 8 7 6 5 9'
echo "--- what cannot be used"
page --units texts/units.jsonl
page --units nowhere/units.jsonl
page
try verdigris report r --snippet 3 -o x
try verdigris report r --snippet 3 --profile p.json --key k.key --format csv -o x
