# What cannot be judged is named: options, keys, answers, references, filters.
. "$SRC/tests/cli/prelude"
pocket_suspect
sha=$(sha256sum "$model/model.safetensors" | cut -d' ' -f1)
run() { try verdigris investigate test --profile p.json --tokenizer "$model/tokenizer.model" "$@"; }
good=$data/suspect-guilty.jsonl
plan_files -o case
plan_files --reference "provider,T,$sha,2026-01-01T00:00:00Z" -o reference
run --key k.key
run case
run --key k.key --answers "$good" nowhere
run --key k.key case
run --key k.key --answers nowhere.jsonl case
run --key k.key --answers "$good" --decoys -1 case
run --key k.key --answers "$good" --memory 0 case
run --key k.key --answers "$good" --key-since yesterday case
echo "keys"
run --key master.key --answers "$good" case
verdigris profile new --scheme green --tokenizer "$model/tokenizer.model" --delta 3 --gamma 1/2 -o other.json
verdigris derive --from master.key --profile other.json --epoch 1 --role provider -o other.key
run --key other.key --answers "$good" case
try verdigris investigate test --profile other.json --tokenizer "$model/tokenizer.model" --key other.key --answers "$good" case
echo "answers"
echo '{"id":"p1#0","output":[281],"secret text":1}' > a.jsonl
run --key k.key --answers a.jsonl case
echo '{"id":"p9#0","output":[281]}' > a.jsonl
run --key k.key --answers a.jsonl case
echo '{"id":"p1#0","output":[281]}' > a.jsonl
run --key k.key --answers "$good" --answers a.jsonl case
: > a.jsonl
run --json --key k.key --answers a.jsonl case | grep -o '"\(verdict\|why\)":"[^"]*"\|^exit.*'
echo "references"
run --key k.key --answers "$good" reference
run --key k.key --answers "$good" --reference T reference
run --key k.key --answers "$good" --reference "U=$model" reference
run --key k.key --answers "$good" --reference T=nowhere reference
run --key k.key --answers "$good" --reference "T=$good" reference
mkdir folder && cp "$model/config.json" folder && head -c 100 "$model/model.safetensors" > folder/model.safetensors
run --key k.key --answers "$good" --reference T=folder reference
run --key k.key --answers "$good" --control older case
run --key k.key --answers "$good" --filter nowhere case
run --key k.key --answers "$good" --matched nowhere case
