# A profile that is not exactly one is an input that cannot be used.
. "$SRC/tests/cli/prelude"
keys plain-provider
detect() { verdigris detect --profile "$1" --key plain-provider.key --ids json "$data/plain.jsonl"; }
head -c 100 "$data/plain.json" > cut.json
tr -d '\n' < "$data/plain.json" > no-line-feed.json
sed 's/"window":2/"window":9/' "$data/plain.json" > window.json
sed 's/:/: /' "$data/plain.json" > spaced.json
sed 's/"window":2/"extra":1,&/' "$data/plain.json" > member.json
sed 's,profile/1,profile/2,' "$data/plain.json" > version.json
: > empty.json
for name in cut no-line-feed window spaced member version empty missing; do try detect $name.json; done
try detect .
try verdigris profile digest cut.json
