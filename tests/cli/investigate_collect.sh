# Collecting from an endpoint on this machine, going on, and what cannot be collected. What endpoints do wrong is in
# tests/tools/collect_test.py.
. "$SRC/tests/cli/prelude"
verdigris profile new --scheme green --tokenizer "$SRC/datasets/pocket_lm/tokenizer.model" -o p.json
python3 -B "$SRC/tests/tools/hostile_server.py" > url &
server=$!
trap 'kill $server' EXIT
while [ ! -s url ]; do sleep 0.05; done
printf 'tell me\nof cats\n[model] x\n[empty] x\n' > prompts.txt
plan() { verdigris investigate plan --profile p.json --prompts prompts.txt --url "$(cat url)" --model s-1 --rate 8,6000 "$@" > /dev/null 2>&1; }
# Numbers of tokens follow from the endpoint's words.
collect() { verdigris investigate collect --profile p.json "$@" | sed 's/[0-9]* tokens that/N tokens that/; s/"tokens":[0-9]*/"tokens":N/'; }

plan -o case
collect case
collect --json case
wc -l < case/answers.jsonl
test "$(stat -c %s case/raw.bin)" -gt 1000 && echo bodies
tail -n 1 case/events.jsonl | sed 's/"time":"[^"]*"/"time":T/'
sed -i 's/"requests":[0-9]*/"requests":5/' case/investigation.json
try verdigris investigate collect --profile p.json case
collect --deviate 'fewer will do' case
try verdigris investigate collect --profile p.json --deviate again case
collect case

plan --temperature 0.5 -o warm
collect warm

echo '-- refused'
try verdigris investigate collect --profile p.json
try verdigris investigate collect --profile p.json missing
mkdir folder
try verdigris investigate collect --profile p.json folder
ls folder
verdigris profile new --scheme gumbel --tokenizer "$SRC/datasets/pocket_lm/tokenizer.model" -o other.json
try verdigris investigate collect --profile other.json case
plan -o bad
sed -i 's/"answers":1/"answers":0/' bad/investigation.json
try verdigris investigate collect --profile p.json bad
plan -o torn
printf '{"event":' >> torn/events.jsonl
printf 'no line' > torn/answers.jsonl
collect torn
printf '{}\n' > key
chmod 644 key
try verdigris investigate collect --profile p.json --api-key-file key case
