# A key that belongs to another user. Only root can make such a file; elsewhere one of root's is used that cannot be read.
. "$SRC/tests/cli/prelude"
keys plain-provider
if [ "$(id -u)" -eq 0 ]; then
  chown 12345 plain-provider.key
  verdigris detect --profile "$data/plain.json" --ids json --key plain-provider.key "$data/plain.jsonl" && status=0 || status=$?
  echo "exit $status"
else
  echo "verdigris: error: unsafe: not tested without root" >&2
  echo "exit 3"
fi
