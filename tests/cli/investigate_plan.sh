# Plans of every kind, and what is no plan.
. "$SRC/tests/cli/prelude"
verdigris profile new --scheme green --tokenizer "$SRC/datasets/pocket_lm/tokenizer.model" -o p.json
printf 'Once upon a time\nA dragon\n' > prompts.txt
plan() { verdigris investigate plan --profile p.json --prompts prompts.txt --url https://api.example.com/v1/ --model s-1 "$@"; }
hide() { sed 's/^plan.json [0-9a-f]*$/plan.json DIGEST/'; }
ref=teacher,$(printf '0%.0s' $(seq 64))

plan -o case > out
hide < out
ls case
grep -o '"url":"[^"]*"' case/investigation.json
sha256sum case/plan.json | cut -d ' ' -f 1 | xargs -I{} grep -c '"plan_sha256":"{}"' case/investigation.json
sha256sum case/prompts.jsonl | cut -d ' ' -f 1 | xargs -I{} grep -c '"prompts_sha256":"{}"' case/investigation.json
cat case/prompts.jsonl
plan --reference "provider,$ref" --looks 500,1000 --answers 50 --alpha 1e-3 -o looks 2> /dev/null | hide
plan --reference "provider,$ref,2026-01-01T00:00:00Z" --reference self --lists 0 --looks auto --answers 500 -o auto 2> /dev/null | hide
printf '{"prompt":"a text","domain":"log","id":"t1"}\n{"prompt":"another","domain":"web"}\n' > texts.jsonl
verdigris investigate plan --profile p.json --prompts texts.jsonl --url http://localhost:8000 --model s-1 --api completions --read --echo \
  --reference "base,$ref" -o reading 2> /dev/null | hide

echo '-- refused'
try plan -o case
try plan --alpha 1 -o x
try plan --temperature 2.1 -o x
try plan --max-tokens 1 -o x
try plan --looks 10,5 -o x
try plan --looks 10,x -o x
try plan --looks anytime -o x
try plan --reference nobody,x,y -o x
try plan --account acct-7 -o x
try plan --budget tokens=5 -o x
try plan --rate 65,1 -o x
try plan --family 0 -o x
try plan --decoys 99 -o x
try plan --since yesterday -o x
try plan --echo -o x
try verdigris investigate plan --profile p.json --prompts prompts.txt --url http://api.example.com --model s-1 -o x
try verdigris investigate plan --profile p.json --prompts prompts.txt --url https://me:secret@api.example.com --model s-1 -o x
try verdigris investigate plan --profile p.json --prompts missing.txt --url https://api.example.com --model s-1 -o x
printf '{"prompt":7}\n' > bad.jsonl
try verdigris investigate plan --profile p.json --prompts bad.jsonl --url https://api.example.com --model s-1 -o x
printf '{"id":"a b","prompt":"x"}\n' > bad.jsonl
try verdigris investigate plan --profile p.json --prompts bad.jsonl --url https://api.example.com --model s-1 -o x
: > empty.txt
try verdigris investigate plan --profile p.json --prompts empty.txt --url https://api.example.com --model s-1 -o x
ls x 2>&1 | sed 's/.*: //'
