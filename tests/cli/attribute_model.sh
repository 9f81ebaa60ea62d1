# Which account a suspect model is related to: its answers are what acct-7 was served.
. "$SRC/tests/cli/prelude"
keys provider selector
mkdir accounts
cp "$data/acct-7.key" "$data/acct-8.key" accounts
chmod 600 accounts/*
cp "$SRC/tests/data/tiny_bpe.model" t.model
# The log of acct-7 is what the suspect gives back; acct-8 was served something else.
sed 's/.*/{"account":"acct-7","prompt":[],"output":&}/' "$data/shared.jsonl" > log.jsonl
sed 's/.*/{"account":"acct-8","prompt":[],"output":&}/' "$data/plain.jsonl" >> log.jsonl
verdigris filter build --profile "$data/shared.json" --all -o filters log.jsonl 2> /dev/null
printf 'one\ntwo\nthree\nfour\nfive\n' > prompts.txt
verdigris investigate plan --profile "$data/shared.json" --prompts prompts.txt --files --model suspect --min-scored 50 -o case > plan.txt 2> /dev/null
ids=$(grep -o '"id":"[^"]*"' case/prompts.jsonl | cut -d'"' -f4)
i=0
for id in $ids; do
  i=$((i + 1))
  echo "{\"id\":\"$id#0\",\"output\":$(sed -n ${i}p "$data/shared.jsonl")}"
done > answers.jsonl
# Another model's: the same ids, each window turned around.
awk -F'[][]' '{ n = split($2, id, ","); out = id[n]; for (k = n - 1; k > 0; --k) out = out "," id[k]; print $1 "[" out "]" $3 }' answers.jsonl > others.jsonl
attribute() {
  try verdigris attribute --profile "$data/shared.json" --tokenizer t.model --allow-tokenizer-mismatch --key provider.key --key selector.key \
    --keys accounts --investigation case "$@"
}
places() { sed 's/\(\.[0-9]\{6\}\)[0-9]*/\1/g; s/"plan":"[^"]*",//'; }
echo "in words"
attribute --filters filters --answers answers.jsonl
echo "json"
attribute --filters filters --answers answers.jsonl --json | places
echo "the gate stays shut"
attribute --filters filters --answers others.jsonl | sed 's/p 10.*:/p:/'
echo "without the filter of acct-7"
mkdir other && cp filters/acct-8.filter other
attribute --filters other --answers answers.jsonl --json | places
echo "clusters"
echo '{"accounts":["acct-8","acct-7"],"cluster":"payer-1"}' > clusters.jsonl
attribute --filters filters --answers answers.jsonl --clusters clusters.jsonl
attribute --filters filters --answers answers.jsonl --clusters clusters.jsonl --json | places
for line in '{"accounts":["acct-9"],"cluster":"a"}' '{"accounts":[],"cluster":"a"}' '{"accounts":["acct-7","acct-7"],"cluster":"a"}' '{"cluster":"a"}' ''; do
  echo "$line" > bad.jsonl
  attribute --filters filters --answers answers.jsonl --clusters bad.jsonl
done
cat clusters.jsonl clusters.jsonl > bad.jsonl
attribute --filters filters --answers answers.jsonl --clusters bad.jsonl
: > bad.jsonl
attribute --filters filters --answers answers.jsonl --clusters bad.jsonl
echo "what cannot be"
attribute
attribute --filters filters --alpha 1e-3
attribute --filters filters text.txt
attribute --filters missing
cp filters/acct-7.filter other/acct-8.filter.new
mv other/acct-8.filter.new other/acct-8.filter
attribute --filters other --answers answers.jsonl
try verdigris attribute --profile "$data/shared.json" --key selector.key --keys accounts --filters filters text.txt
