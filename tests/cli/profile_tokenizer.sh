# From a tokenizer come the number of ids, the special ones (control, unknown) and the digest.
. "$SRC/tests/cli/prelude"
try verdigris profile new --tokenizer "$SRC/tests/data/tiny_bpe.model" -o p.json
grep -o '"unmarked_ids":[^v]*"vocab":[0-9]*' p.json
grep -q "\"tokenizer_sha256\":\"$(sha256sum < "$SRC/tests/data/tiny_bpe.model" | cut -d' ' -f1)\"" p.json && echo "its digest"
