# No key byte, no passphrase and no text of the user in anything that is printed, whatever goes wrong.
. "$SRC/tests/cli/prelude"
keys plain-provider plain-protected provider selector master
printf 'correct horse battery' > phrase
chmod 600 phrase
text='a sentence that only the user knows'
printf '%s' "$text" > text.txt
cp "$SRC/tests/data/tiny_bpe.model" t.model
cp plain-provider.key open.key
chmod 644 open.key
sed 's/^epoch: 5/epoch: 7/' plain-provider.key > edited.key
head -c 280 plain-provider.key > cut.key
chmod 600 edited.key cut.key
plain() { verdigris detect --profile "$data/plain.json" --ids json "$data/plain.jsonl" "$@"; }
everything() {
  verdigris keygen -o new.key
  verdigris keygen -o new-protected.key --passphrase-file phrase
  verdigris profile new --tokenizer t.model -o p.json
  verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key
  verdigris derive --from k.key --profile p.json --epoch 1 --role provider -o x.key
  verdigris derive --from new.key --profile p.json --epoch 1 --account acct-1 -o a.key
  verdigris detect --profile p.json --key k.key text.txt --trace
  verdigris detect --profile p.json --key k.key text.txt --json
  verdigris detect --profile p.json --key plain-provider.key text.txt
  verdigris detect --profile text.txt --key k.key text.txt
  verdigris detect --profile p.json --key text.txt text.txt
  verdigris detect --profile p.json --key k.key --tokenizer text.txt text.txt
  verdigris detect --profile p.json --key k.key --ids text text.txt
  verdigris detect --profile p.json --key k.key --ids json text.txt
  plain --key plain-provider.key
  plain --key plain-provider.key --json
  for key in open edited cut provider selector master plain-protected new new-protected; do plain --key $key.key; done
  plain --key plain-protected.key --passphrase-file phrase
  plain --key open.key --insecure-permissions
  verdigris generate --profile p.json --key k.key --prompt "$text"
  verdigris generate --profile p.json --key k.key --promt "$text"
  verdigris generate --profile p.json --key k.key --prompt "$text" --max-tokens "$text" || true
  verdigris generate --profile p.json --key k.key "--text=$text"
  verdigris generate --profile p.json --key k.key --prompt "$text" "$text"
  verdigris "$text"
}
everything > everything.txt 2>&1 || true
test "$(wc -l < everything.txt)" -gt 50
for key in *.key; do
  base64=$(sed -n 's/^key: //p' $key)
  test -n "$base64" || continue
  hex=$(printf '%s' "$base64" | base64 -d 2> /dev/null | od -An -tx1 | tr -d ' \n')
  ! grep -iqF "$base64" everything.txt || echo "base64 of $key"
  ! grep -iqF "$hex" everything.txt || echo "hex of $key"
  ! grep -iqF "$(printf '%s' "$base64" | cut -c1-12)" everything.txt || echo "a part of $key"
done
grep -c 'correct horse' everything.txt || true
grep -c 'only the user knows' everything.txt || true
