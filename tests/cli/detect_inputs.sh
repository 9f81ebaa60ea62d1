# Inputs that cannot be used are named, and the others are still reported.
. "$SRC/tests/cli/prelude"
keys master
cp "$SRC/tests/data/tiny_bpe.model" t.model
verdigris profile new --tokenizer t.model -o p.json 2> /dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key 2> /dev/null
printf 'rain' > rain.txt
mkdir folder
truncate -s 16777217 large.txt
status=0
verdigris detect --profile p.json --key k.key --json missing.txt folder large.txt rain.txt > out || status=$?
grep -o '"input":"[^"]*"' out
echo "exit $status"
