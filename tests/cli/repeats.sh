# A text of 20 tokens, fifty times over, has the evidence of 20 tokens at every entry (statistics.md P3).
. "$SRC/tests/cli/prelude"
keys plain-provider
python3 -c 'ids = list(range(100, 120)) * 50
open("ids", "w").write(" ".join(map(str, ids)))
open("ids.jsonl", "w").write(str(ids) + "\n")
open("ids.u16", "wb").write(b"".join(i.to_bytes(2, "little") for i in ids))
open("ids.u32", "wb").write(b"".join(i.to_bytes(4, "little") for i in ids))'
detect() { verdigris detect --profile "$data/plain.json" --key plain-provider.key "$@"; }
for rule in first tuple; do
  detect --rule $rule --ids text --json < ids > stdin || true
  grep -o '"scored":[0-9]*' stdin
  for form in text=ids json=ids.jsonl u16=ids.u16 u32=ids.u32; do
    detect --rule $rule --ids ${form%=*} --json - < ${form#*=} | sed 's/"input":"[^"]*"/"input":"-"/' | cmp - stdin && echo "alike: ${form%=*}"
  done
  detect --rule $rule --ids text --trace ids | grep -c '"state":"scored"'
  detect --rule $rule --ids text --decoys 9 --json ids | grep -o '"scored":[0-9]*'
  detect --rule $rule --ids text --watch --json < ids | grep -o '"n":[0-9]*'
done
