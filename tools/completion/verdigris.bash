# Made by `verdigris pages bash`; do not edit.
_verdigris() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "keygen profile derive generate detect show power calibrate schemes selftest --help --version" -- "$cur"))
    return
  fi
  if [ "$verb" = profile ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "new show digest" -- "$cur"))
      return
    fi
    verb="profile ${COMP_WORDS[2]}"
  fi
  case $prev in
    --specials) words="preserve plain" ;;
    --zero-temperature) words="off argmax" ;;
    --role) words="scheme epoch provider selector" ;;
    --rule) words="first tuple" ;;
    --proxy) words="pocket FILE" ;;
    --ids) words="text json u16 u32" ;;
    --color) words="auto always never" ;;
    --assign) words="document first-seen" ;;
    --scheme) words=$(verdigris schemes 2>/dev/null | grep '^[a-z]') ;;
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  case $cur in -*) ;; *) return ;; esac
  case $verb in
    "keygen") words="-h --help -o --output --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "profile new") words="-h --help --scheme --tokenizer --vocab --tokenizer-sha256 --unmarked-ids --window --gamma --delta --specials --zero-temperature --account-share --normaliser -o --output" ;;
    "profile show") words="-h --help" ;;
    "profile digest") words="-h --help" ;;
    "derive") words="-h --help --from --profile --epoch --role --account -o --output --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "generate") words="-h --help --profile --key --prompt --max-tokens --temperature --top-k --top-p --min-p --seed --unmarked --ids -o --output --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "detect") words="-h --help --profile --key --tokenizer --alpha --rule --test --decoys --calibration --stop-list --proxy --proxy-temperature --without-selector --allow-tokenizer-mismatch --passphrase-file --passphrase-fd --insecure-permissions --ids --json --watch --trace --color" ;;
    "show") words="-h --help --profile --key --tokenizer --alpha --rule --test --decoys --calibration --stop-list --proxy --proxy-temperature --without-selector --allow-tokenizer-mismatch --passphrase-file --passphrase-fd --insecure-permissions --color" ;;
    "power") words="-h --help --profile --alpha --effect --tokens --json" ;;
    "calibrate") words="-h --help --profile --key --random-keys --tokenizer --rule --min-scored --max-tokens --assign --stop-list --without-selector -o --output --json --passphrase-file --passphrase-fd --insecure-permissions" ;;
    "schemes") words="-h --help" ;;
    "selftest") words="-h --help" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _verdigris verdigris
