# What a zsh offers for each command line given, one match a line: an interactive shell with the completion of FOLDER, a tab,
# and `compadd` overheard.
#
# usage: zsh -f complete.zsh FOLDER LINE...
zmodload zsh/zpty
folder=$1
shift
for line in "$@"; do
  rm -f found done
  : > found
  zpty shell zsh -f -i
  # The echo of these lines has no "ready" in it.
  zpty -w shell "PROMPT=; fpath=($folder \$fpath); autoload -Uz compinit; compinit -D -u
compadd() {
  local -a hits
  builtin compadd -A hits \"\$@\"
  (( \$#hits )) && print -rl -- \$hits >> $PWD/found
  builtin compadd \"\$@\"
}
finish() { : > $PWD/done }
comppostfuncs=(finish)
setopt no_beep; LISTMAX=0; bindkey '^I' complete-word; print rea\"\"dy"
  while zpty -r shell output && [[ $output != *ready* ]]; do :; done
  zpty -n -w shell "$line"$'\t'
  for (( i = 0; i < 400; ++i )); do
    [[ -e done ]] && break
    sleep 0.05
  done
  zpty -d shell
  print -r -- "$line:" $(sort -u found)
done
