# Random keys on one text; one key on a corpus; the calibration that detect then counts, or refuses to be tested on.
. "$SRC/tests/cli/prelude"
model="$SRC/datasets/pocket_lm/tokenizer.model"
verdigris keygen -o master.key 2>/dev/null
verdigris profile new --scheme green --tokenizer "$model" -o p.json 2>/dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o a.key 2>/dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role selector -o s.key 2>/dev/null
# 60 documents of words, no two alike.
words="$SRC/README.md"
tr -cs 'A-Za-z' '\n' < "$words" | sort -u > list
mkdir corpus
i=0
while [ $i -lt 60 ]; do
  i=$((i + 1))
  awk -v seed=$i '{ word[NR] = $0 } END { srand(seed); for (k = 0; k < 150; ++k) printf "%s ", word[1 + int(rand() * NR)] }' list > corpus/$i.txt
done
echo "random keys on a text"
try verdigris calibrate --profile p.json --random-keys 2000 corpus/1.txt > out
grep -o '2000 random keys' out
grep 'the law' out
echo "a key on a corpus"
try verdigris calibrate --profile p.json --key a.key --random-keys 50 --stop-list stop -o cal.json corpus > out
grep -o '^60 documents' out
grep -o '"schema":"verdigris.calibration/1"' cal.json
head -c 24 stop; echo
echo "the same corpus, and another text"
try verdigris detect --profile p.json --key a.key --calibration cal.json corpus/3.txt
verdigris detect --profile p.json --key a.key --calibration cal.json --json "$words" | grep -o '"verdict_by":"log10_p"'
echo "bad input"
echo '{"text": 5}' > bad.jsonl
try verdigris calibrate --profile p.json --key a.key bad.jsonl
try verdigris calibrate --profile p.json --key a.key missing
try verdigris calibrate --profile p.json --key a.key
try verdigris calibrate --profile p.json --random-keys 0 corpus/1.txt
try verdigris calibrate --profile p.json -o x corpus/1.txt
echo '{}' > no.json
try verdigris detect --profile p.json --key a.key --calibration no.json corpus/3.txt
