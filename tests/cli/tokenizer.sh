# The tokenizer is found by digest; another one is refused, unless asked for and then named in the finding.
. "$SRC/tests/cli/prelude"
keys master
verdigris profile new --tokenizer "$SRC/tests/data/tiny_bpe.model" -o p.json
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key
printf 'the copper roof' > a.txt
detect() { verdigris detect --profile p.json --key k.key --json a.txt "$@" > out && status=0 || status=$?; echo "exit $status"; }
detect
mkdir elsewhere
cp p.json elsewhere
cp "$SRC/tests/data/tiny_bpe.model" elsewhere/any-name.model
cp "$SRC/tests/data/tiny_unigram.model" elsewhere/a.model
verdigris detect --profile elsewhere/p.json --key k.key --json a.txt > out && status=0 || status=$?; echo "exit $status"
detect --tokenizer elsewhere/any-name.model
detect --tokenizer "$SRC/tests/data/tiny_unigram.model"
detect --tokenizer "$SRC/tests/data/tiny_unigram.model" --allow-tokenizer-mismatch
grep -o '"code":"tokenizer_mismatch"' out
detect --tokenizer a.txt --allow-tokenizer-mismatch
detect --tokenizer missing.model
verdigris generate --profile p.json --key k.key --prompt x || echo "exit $?"
