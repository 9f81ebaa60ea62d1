# Results that cannot be delivered: exit 4, and a word about it unless the reader went away.
. "$SRC/tests/cli/prelude"
keys plain-provider master
detect() { verdigris detect --profile "$data/plain.json" --key plain-provider.key --ids json "$@" "$data/plain.jsonl"; }
echo "full disk"
test -c /dev/full
detect > /dev/full || echo "exit $?"
detect --json > /dev/full || echo "exit $?"
verdigris --help > /dev/full || echo "exit $?"
echo "closed"
detect >&- || echo "exit $?"
verdigris selftest >&- || echo "exit $?"
echo "reader gone"
{ sleep 0.5; detect --trace && s=0 || s=$?; echo $s > status; } | true
echo "exit $(cat status)"
echo "nothing to deliver"
verdigris keygen -o a.key >&-
echo "exit $?"
echo "standard error closed: no file gets the messages"
verdigris keygen -o b.key 2>&- 0<&- 1>&-
head -1 b.key
wc -l < b.key
echo "files"
# EFBIG instead of a full disk: a device would be safe only as long as the tool is.
trap '' XFSZ
ulimit -f 0
verdigris profile new --vocab 9 --tokenizer-sha256 5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d -o p.json || echo "exit $?"
verdigris derive --from master.key --profile "$data/plain.json" --epoch 1 --role provider -o k.key || echo "exit $?"
ls -A
