# Made by `verdigris pages bash`; do not edit.
_verdigris() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "keygen profile derive generate detect show power calibrate filter attribute investigate scan merge report schemes selftest --help --version" -- "$cur"))
    return
  fi
  case $verb in
    filter) words="build show unite intersect" ;;
    investigate) words="plan collect test" ;;
    profile) words="new show digest" ;;
  esac
  if [ -n "$words" ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "$words" -- "$cur"))
      return
    fi
    verb="$verb ${COMP_WORDS[2]}"
    words=
  fi
  case "$verb $prev" in
    "profile new --specials") words="preserve plain" ;;
    "profile new --zero-temperature") words="off argmax" ;;
    "profile new --normaliser") words="none/1 verdigris-text/1" ;;
    "derive --role") words="scheme epoch provider selector" ;;
    "detect --rule") words="first tuple" ;;
    "detect --ids") words="text json u16 u32" ;;
    "detect --color") words="auto always never" ;;
    "show --rule") words="first tuple" ;;
    "show --color") words="auto always never" ;;
    "calibrate --dtype") words="u16 u32" ;;
    "calibrate --rule") words="first tuple" ;;
    "calibrate --assign") words="document first-seen" ;;
    "attribute --rule") words="first tuple" ;;
    "attribute --ids") words="text json u16 u32" ;;
    "investigate plan --api") words="chat completions" ;;
    "investigate test --color") words="auto always never" ;;
    "scan --dtype") words="u16 u32" ;;
    "scan --on-error") words="go-on stop" ;;
    "scan --rule") words="first tuple" ;;
    "scan --assign") words="document first-seen" ;;
    "report --format") words="html csv tsv parquet sarif dolma" ;;
    *" --scheme") words=$(verdigris schemes 2>/dev/null | grep '^[a-z]') ;;
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  case $cur in -*) ;; *) return ;; esac
  case $verb in
    "keygen") words="-h --help -o --output --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "profile new") words="-h --help --scheme --tokenizer --pattern --merges --special-ids --vocab --tokenizer-sha256 --unmarked-ids --window --gamma --delta --specials --zero-temperature --account-share --normaliser -o --output" ;;
    "profile show") words="-h --help" ;;
    "profile digest") words="-h --help" ;;
    "derive") words="-h --help --from --profile --epoch --role --account -o --output --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "generate") words="-h --help --profile --key --prompt --max-tokens --temperature --top-k --top-p --min-p --seed --unmarked --ids -o --output --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "detect") words="-h --help --profile --key --tokenizer --alpha --rule --test --variants --decoys --calibration --stop-list --proxy --proxy-temperature --without-selector --allow-tokenizer-mismatch --passphrase-file --passphrase-fd --insecure-permissions --ids --json --watch --trace --color" ;;
    "show") words="-h --help --profile --key --tokenizer --alpha --rule --test --variants --decoys --calibration --stop-list --proxy --proxy-temperature --without-selector --allow-tokenizer-mismatch --passphrase-file --passphrase-fd --insecure-permissions --color --html" ;;
    "power") words="-h --help --profile --alpha --effect --tokens --json" ;;
    "calibrate") words="-h --help --profile --key --random-keys --tokenizer -o --output --stop-list --max-tokens --files-from --format --text-field --ids-field --dtype --eos --base --id-field --no-header --unit-bytes --max-doc-bytes --max-record-bytes --max-inflated --zstd-long --group-by --rule --min-scored --assign --memory --without-selector --json --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "filter build") words="-h --help --profile --account --all -o --output --salt-from --bytes --json --insecure-permissions" ;;
    "filter show") words="-h --help --json --insecure-permissions" ;;
    "filter unite") words="-h --help -o --output --label --json --insecure-permissions" ;;
    "filter intersect") words="-h --help -o --output --label --json --insecure-permissions" ;;
    "attribute") words="-h --help --profile --key --keys --epoch-key --labels --investigation --filters --clusters --answers --reference --stated-free --family --alpha --rule --pooled --without-provider --ids --tokenizer --allow-tokenizer-mismatch --json --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "investigate plan") words="-h --help --profile --prompts --url --files --model --api --since --read --echo --answers --max-tokens --temperature --top-p --system --lists --account --filter --reference --control-model --alpha --family --looks --futility --effect --min-scored --decoys --matched --strict --budget --rate -o --output" ;;
    "investigate collect") words="-h --help --profile --tokenizer --allow-tokenizer-mismatch --api-key-file --api-key-env --pause-at-looks --deviate --json --key --reference --filter --memory --threads --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "investigate test") words="-h --help --profile --tokenizer --allow-tokenizer-mismatch --key --answers --stated-free --key-since --matched --control --reference --filter --memory --threads --passphrase-file --passphrase-fd --insecure-permissions --decoys --deviate --json --color" ;;
    "scan") words="-h --help --profile --key --tokenizer -o --output -n --list-only --shard --threads --memory --files-from --format --text-field --ids-field --dtype --eos --base --id-field --no-header --unit-bytes --max-doc-bytes --max-record-bytes --max-inflated --zstd-long --group-by --variants --stop-list --min-scored --alpha --on-error --exit-code --progress --status --recheck --rule --tau --control --baseline --calibration --assign --exact --keep --group-budget --tokenizer-cache --ignore-mtime --fresh --json --without-selector --allow-tokenizer-mismatch --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "merge") words="-h --help -o --output --rows --partial --missing --alpha --control --family --calibration --baseline --exit-code --json" ;;
    "report") words="-h --help --format --all -o --output --snippet --profile --key --tokenizer --units --base --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "schemes") words="-h --help" ;;
    "selftest") words="-h --help" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _verdigris verdigris
