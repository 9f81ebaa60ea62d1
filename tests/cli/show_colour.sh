# --color over NO_COLOR over the terminal. Backgrounds end before a line feed.
. "$SRC/tests/cli/prelude"
keys master
cp "$SRC/tests/data/tiny_bpe.model" t.model
verdigris profile new --tokenizer t.model -o p.json 2> /dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key 2> /dev/null
printf 'the copper roof turns green\nin the rain' > a.txt
escape=$(printf '\033')
show() { verdigris show --profile p.json --key k.key "$@" a.txt; }
show | grep -c "$escape" || true
show --color always | sed -n "1,2p" | sed "s/$escape/E/g"
NO_COLOR=1 show --color always | grep -c "$escape" > /dev/null && echo "--color wins"
show --color never | grep -c "$escape" || true
LC_ALL=C show | grep '^evidence' | LC_ALL=C grep -c '[^ -~]' || true
