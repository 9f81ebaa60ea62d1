# Which account: keys in a folder or derived; one text, several, one corpus; behind the gate and without it.
. "$SRC/tests/cli/prelude"
keys provider selector
mkdir accounts
cp "$data/acct-7.key" "$data/acct-8.key" accounts
chmod 600 accounts/*
short() { grep -o '"\(verdict\|s\|log10_adjusted\|tested\|family\|named\|next\|account\|detected\|code\)":\("[^"]*"\|[^,{[}]*\)' | sed 's/\(\.[0-9]\{9\}\)[0-9]*/\1/g'; }
attribute() { try verdigris attribute --profile "$data/shared.json" --ids json --key selector.key "$@"; }
sed -n 3p "$data/shared.jsonl" > three.jsonl
echo "in words"
attribute --key provider.key --keys accounts three.jsonl
echo "json, a thousand accounts in the epoch"
attribute --key provider.key --keys accounts --family 1000 --json three.jsonl | short
echo "all five records, one by one and as a corpus"
attribute --key provider.key --keys accounts --json "$data/shared.jsonl" | grep -o 'exit .*\|"verdict":"[^"]*"'
attribute --key provider.key --keys accounts --json --pooled "$data/shared.jsonl" | short
echo "a text that the gate stops"
sed -n 5p "$data/plain.jsonl" > none.jsonl
attribute --key provider.key --keys accounts none.jsonl
attribute --key provider.key --keys accounts --json --without-provider none.jsonl | short
echo "without the provider key"
attribute --keys accounts/acct-7.key --keys accounts/acct-8.key --json three.jsonl | short
echo "keys derived from the epoch's"
verdigris derive --from "$data/master.key" --insecure-permissions --profile "$data/shared.json" --epoch 5 --role epoch -o epoch.key 2> /dev/null
printf 'acct-6\nacct-7\nacct-8\n' > labels
attribute --key provider.key --epoch-key epoch.key --labels labels --json three.jsonl | short
echo "what cannot be"
attribute --keys accounts
attribute three.jsonl
attribute --keys accounts --epoch-key epoch.key three.jsonl
attribute --epoch-key epoch.key three.jsonl
attribute --keys accounts --alpha 2 three.jsonl
attribute --keys accounts --family 1 three.jsonl
attribute --keys accounts --keys accounts/acct-7.key three.jsonl
attribute --keys provider.key three.jsonl
attribute --key accounts/acct-7.key --keys accounts three.jsonl
attribute --keys . three.jsonl
mkdir empty
attribute --keys empty three.jsonl
attribute --epoch-key provider.key --labels labels three.jsonl
printf 'acct-7\n\n' > bad && attribute --epoch-key epoch.key --labels bad three.jsonl
printf 'acct-7\nacct-7\n' > bad && attribute --epoch-key epoch.key --labels bad three.jsonl
cp "$data/provider-epoch-6.key" . && chmod 600 provider-epoch-6.key
try verdigris attribute --profile "$data/shared.json" --ids json --key provider-epoch-6.key --keys accounts three.jsonl
try verdigris attribute --profile "$data/shared.json" --ids json --key provider.key --keys accounts three.jsonl
try verdigris attribute --profile "$data/plain.json" --ids json --keys accounts three.jsonl
echo '[1,2' > cut.jsonl
attribute --key provider.key --keys accounts cut.jsonl three.jsonl | head -1
attribute --key provider.key --keys accounts --pooled cut.jsonl three.jsonl
