# The keys of the second implementation come out, whatever the way down the tree; and what cannot be derived.
. "$SRC/tests/cli/prelude"
cp "$data/shared.json" .
keys master plain-scheme plain-epoch plain-provider
# Only `created`, and with it the mac, is another.
same() { grep -v '^created\|^mac' "$1" > a; grep -v '^created\|^mac' "$data/$2.key" > b; cmp a b && echo "same as $2"; }
derive() { verdigris derive --profile shared.json "$@"; }
try derive --from master.key --epoch 5 --role provider -o provider.key
same provider.key provider
stat -c '%a' provider.key
try derive --from master.key --epoch 5 --role selector -o selector.key
same selector.key selector
try derive --from master.key --epoch 5 --account acct-7 -o acct-7.key
same acct-7.key acct-7
try derive --from master.key --epoch 6 --role provider -o provider-6.key
same provider-6.key provider-epoch-6
try derive --from master.key --role scheme -o scheme.key
try derive --from scheme.key --epoch 5 --role epoch -o epoch.key
try derive --from epoch.key --account acct-8 -o acct-8.key
same acct-8.key acct-8
try derive --from epoch.key --epoch 5 --role provider -o again.key
same again.key provider
echo "refused"
try derive --from master.key --epoch 5 --role provider -o provider.key
try derive --from epoch.key --epoch 6 --role provider -o x.key
try derive --from provider.key --role selector -o x.key
try derive --from epoch.key --role scheme -o x.key
try derive --from epoch.key --role epoch -o x.key
try derive --from plain-scheme.key --epoch 5 --role provider -o x.key
try derive --from plain-epoch.key --role provider -o x.key
try derive --from master.key --role provider -o x.key
try derive --from master.key --epoch 5 --role scheme -o x.key
try derive --from master.key --epoch 5 -o x.key
try derive --from master.key --epoch 5 --role provider --account a -o x.key
try derive --from master.key --epoch 4294967296 --role provider -o x.key
try derive --from master.key --epoch 5 --role master -o x.key
try derive --from master.key --epoch 5 --account 'two words' -o x.key
try derive --from missing.key --epoch 5 --role provider -o x.key
test ! -e x.key
