# Tokenizers of every kind make a profile and are found again by its digest; a descriptor says what ranks and vocab.json do not.
. "$SRC/tests/cli/prelude"
keys master
tiny=$SRC/tests/data
printf 'the copper roof of the harbour' > a.txt
made() { grep -o '"unmarked_ids":[^v]*"vocab":[0-9]*' "$1"; }
use() {
  profile=$1
  shift
  test -e "$profile.key" || verdigris derive --from master.key --profile "$profile" --epoch 1 --role provider -o "$profile.key"
  verdigris detect --profile "$profile" --key "$profile.key" --json a.txt "$@" > out && status=0 || status=$?
  echo "exit $status"
}

echo "== tokenizer.json"
verdigris profile new --tokenizer "$tiny/tiny_tokenizer.json" -o json.json
made json.json
grep -q "\"tokenizer_sha256\":\"$(sha256sum < "$tiny/tiny_tokenizer.json" | cut -d' ' -f1)\"" json.json && echo "its digest"
use json.json --tokenizer "$tiny/tiny_tokenizer.json"
use json.json
mkdir beside
cp json.json beside/
cp "$tiny/tiny_tokenizer.json" beside/any-name.json
use beside/json.json

echo "== GGUF"
verdigris profile new --tokenizer "$tiny/tiny.gguf" -o gguf.json
made gguf.json
use gguf.json --tokenizer "$tiny/tiny.gguf"
use json.json --tokenizer "$tiny/tiny.gguf"

echo "== ranks"
try verdigris profile new --tokenizer "$tiny/tiny.tiktoken" -o ranks.json
try verdigris profile new --tokenizer "$tiny/tiny.tiktoken" --pattern cl200k -o ranks.json
try verdigris profile new --tokenizer "$tiny/tiny.tiktoken" --pattern cl100k -o -
gzip -c "$tiny/tiny.tiktoken" > packed.gz
verdigris profile new --tokenizer packed.gz --pattern cl100k --special-ids 406-408,410 -o ranks.json
made ranks.json
sed "s/$(sha256sum < "$tiny/tiny.tiktoken" | cut -d' ' -f1)/ITS DIGEST/" ranks.tokenizer.json
grep -q "\"tokenizer_sha256\":\"$(sha256sum < ranks.tokenizer.json | cut -d' ' -f1)\"" ranks.json && echo "the descriptor's digest"
use ranks.json
rm packed.gz
use ranks.json
use ranks.json --tokenizer "$tiny/tiny.tiktoken"
mv ranks.tokenizer.json elsewhere
use ranks.json --tokenizer "$tiny/tiny.tiktoken"

echo "== vocab.json and merges.txt"
try verdigris profile new --tokenizer "$tiny/tiny_vocab.json" --pattern gpt2 -o pair.json
verdigris profile new --tokenizer "$tiny/tiny_vocab.json" --merges "$tiny/tiny_merges.txt" --pattern gpt2 --vocab 50257 -o pair.json
made pair.json
cp "$tiny/tiny_merges.txt" .
use pair.json --tokenizer "$tiny/tiny_vocab.json"

echo "== refused"
try verdigris profile new --tokenizer "$tiny/tiny_tokenizer.json" --pattern gpt2 -o no.json
try verdigris profile new --vocab 10 --tokenizer-sha256 "$(printf '%064d' 0)" --pattern gpt2 -o no.json
sed 's/"NFC"/"NFKC"/' "$tiny/tiny_tokenizer.json" > nfkc.json
try verdigris profile new --tokenizer nfkc.json -o no.json
gzip -c "$tiny/tiny_tokenizer.json" > whole.gz
try verdigris profile new --tokenizer whole.gz -o no.json
