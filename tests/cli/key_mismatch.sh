# Keys that do not belong together, or to the profile.
. "$SRC/tests/cli/prelude"
keys master plain-scheme plain-epoch plain-provider provider selector acct-7 provider-epoch-6
cp provider.key second.key
detect() { verdigris detect --profile "$data/shared.json" --ids json --json "$@" "$data/shared.jsonl" > out && status=0 || status=$?; echo "exit $status"; }
detect --key provider.key --key selector.key
detect --key master.key
verdigris detect --profile "$data/plain.json" --ids json --key plain-scheme.key "$data/plain.jsonl" || echo "exit $?"
verdigris detect --profile "$data/plain.json" --ids json --key plain-epoch.key "$data/plain.jsonl" || echo "exit $?"
detect --key plain-provider.key --key selector.key
detect --key provider-epoch-6.key --key selector.key
detect --key provider.key --key second.key --key selector.key
detect --key provider.key --key selector.key --key selector.key
detect --key acct-7.key --key acct-7.key --key selector.key
detect --key selector.key
verdigris generate --profile "$data/plain.json" --key master.key --prompt x || echo "exit $?"
