# Results that cannot be delivered: exit 4, and a word about it unless the reader went away.
. "$SRC/tests/cli/prelude"
keys plain-provider master
detect() { verdigris detect --profile "$data/plain.json" --key plain-provider.key --ids json "$@" "$data/plain.jsonl"; }
echo "full disk"
detect > /dev/full || echo "exit $?"
detect --json > /dev/full || echo "exit $?"
verdigris --help > /dev/full || echo "exit $?"
echo "closed"
detect >&- || echo "exit $?"
verdigris selftest >&- || echo "exit $?"
echo "reader gone"
{ sleep 1; detect --trace && s=0 || s=$?; echo $s > status; } | true
echo "exit $(cat status)"
echo "nothing to deliver"
verdigris keygen -o a.key >&-
echo "exit $?"
echo "standard error closed: no file gets the messages"
verdigris keygen -o b.key 2>&- 0<&- 1>&-
head -1 b.key
wc -l < b.key
echo "files"
verdigris profile new --vocab 9 --tokenizer-sha256 5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d -o /dev/full || echo "exit $?"
verdigris derive --from master.key --profile "$data/plain.json" --epoch 1 --role provider -o /dev/full || echo "exit $?"
