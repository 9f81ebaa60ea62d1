// verdigris pages man|bash|zsh: the man page and the completions, from the table of verbs and their options. What is in
// the source tree is what this prints (tests/cli/pages.sh compares); the verb is not listed.
//
// Options that come from the table of schemes are left out, so that a new scheme changes no page.
#include <algorithm>
#include <map>

#include "tools/verbs.h"

namespace verdigris::tools {
namespace {

struct Page {
  const Verb* verb;
  std::unique_ptr<CLI::App> app;
  Command command;  // keeps what the options are bound to

  std::vector<const CLI::Option*> Options() const {
    const CLI::App& options = *app;
    return options.get_options([](const CLI::Option* option) { return option->get_group() != kSchemeGroup; });
  }
};

std::vector<Page> Pages() {
  std::vector<Page> pages;
  for (const Verb& verb : Verbs()) {
    if (verb.summary.empty()) continue;
    Page page{&verb, MakeParser(), {}};
    page.command = verb.add(*page.app);
    pages.push_back(std::move(page));
  }
  return pages;
}

std::string Replaced(std::string_view text, std::initializer_list<std::pair<char, std::string_view>> pairs) {
  std::string out;
  for (const char c : text) {
    const auto* at = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == c; });
    if (at == pairs.end()) {
      out += c;
    } else {
      out += at->second;
    }
  }
  return out;
}

// Values of an option whose type lists them: "first|tuple". What has capitals stands for other words: "FILE|DIR".
std::vector<std::string> Choices(const CLI::Option& option) {
  std::string type = option.get_type_name();
  const bool capitals = std::any_of(type.begin(), type.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (option.get_items_expected_max() == 0 || capitals || type.find('|') == type.npos) return {};
  std::vector<std::string> choices;
  for (size_t at = 0; at <= type.size();) {
    const size_t end = std::min(type.find('|', at), type.size());
    choices.push_back(type.substr(at, end - at));
    at = end + 1;
  }
  return choices;
}

std::string Joined(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

std::vector<std::string> Names(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

std::string Roff(std::string_view text) { return Replaced(text, {{'\\', "\\e"}, {'-', "\\-"}, {'`', "\\(ga"}, {'\'', "\\(aq"}}); }

void PrintMan(Output& out) {
  out.Write(R"(.\" Made by `verdigris pages man`; do not edit.
.TH VERDIGRIS 1
.SH NAME
verdigris \- marks the output of language models, and shows whether a text carries the mark
.SH SYNOPSIS
.B verdigris
.I VERB
[options]
.SH DESCRIPTION
A language model is marked while its tokens are sampled: a secret key makes some tokens a little likelier. Whoever holds
the key can later test whether a text carries the mark, with a p\-value that is valid for any text, as long as the key was
fixed, secret and unused before. A text that is not detected may still be derived from marked output; what does not detect
is printed with the power that the test had.
.PP
Results go to standard output, everything else to standard error. Keys come from files only. A file named
.B \-
is standard input.
.SH VERBS
)");
  for (const Page& page : Pages()) {
    out.Write(".SS verdigris " + Roff(page.verb->name) + " " + Roff(page.verb->usage) + "\n" + Roff(page.verb->summary) + "\n");
    for (const CLI::Option* option : page.Options()) {
      out.Write(".TP\n.B " + Roff(OptionLabel(*option)) + "\n" + Roff(option->get_description()) + "\n");
    }
    out.Write(".PP\nExample:\n.PP\n.nf\n.RS\n" + Roff(page.verb->example) + "\n.RE\n.fi\n");
  }
  out.Write(R"(.SH EXIT STATUS
.TP
.B 0
Done;
.B detect:
the mark was detected.
.B show
ends with 0 whatever it shows.
.TP
.B 1
.B detect:
not detected;
.B selftest:
an answer is wrong.
.TP
.B 2
Usage: options, missing arguments, values out of range.
.TP
.B 3
An input cannot be used: unreadable, malformed, unsafe permissions, or keys, profile and tokenizer that do not belong
together. Of several inputs the others are still reported.
.TP
.B 4
An internal fault, or the output could not be written.
.TP
.B 5
.B detect:
inconclusive, for there is too little text.
.TP
.B 130, 143
Interrupted.
.PP
With several inputs or findings: 3 if any input could not be used, else 0 if any is detected, else 5 if any is
inconclusive, else 1.
.SH ENVIRONMENT
.TP
.B NO_COLOR
If set and not empty, no colour, unless
.B \-\-color always.
.SH FILES
Key files hold secrets: they are made with mode 0600, never overwritten, and refused where others can read or replace
them. A passphrase is the content of its file without the line feed at its end.
)");
}

void PrintBash(Output& out) {
  std::string verbs, cases, choices;
  std::map<std::string, std::string> families;  // second words
  for (const Page& page : Pages()) {
    const std::string name(page.verb->name);
    const size_t space = name.find(' ');
    const std::string first = name.substr(0, space);
    if ((" " + verbs + " ").find(" " + first + " ") == std::string::npos) verbs += (verbs.empty() ? "" : " ") + first;
    if (space != std::string::npos) families[first] += (families[first].empty() ? "" : " ") + name.substr(space + 1);
    std::vector<std::string> options;
    for (const CLI::Option* option : page.Options()) {
      for (const std::string& each : Names(*option)) options.push_back(each);
      if (const auto values = Choices(*option); !values.empty()) {
        std::vector<std::string> of_verb = Names(*option);
        for (std::string& each : of_verb) each = "\"" + name + " " + each + "\"";
        choices += "    " + Joined(of_verb, "|") + ") words=\"" + Joined(values, " ") + "\" ;;\n";
      }
    }
    cases += "    \"" + name + "\") words=\"" + Joined(options, " ") + "\" ;;\n";
  }
  std::string seconds;
  for (const auto& [family, words] : families) seconds += "    " + family + ") words=\"" + words + "\" ;;\n";
  out.Write(R"(# Made by `verdigris pages bash`; do not edit.
_verdigris() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ")" + verbs + R"( --help --version" -- "$cur"))
    return
  fi
  case $verb in
)" + seconds + R"(  esac
  if [ -n "$words" ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "$words" -- "$cur"))
      return
    fi
    verb="$verb ${COMP_WORDS[2]}"
    words=
  fi
  case "$verb $prev" in
)" + choices + R"(    *" --scheme") words=$(verdigris schemes 2>/dev/null | grep '^[a-z]') ;;
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  case $cur in -*) ;; *) return ;; esac
  case $verb in
)" + cases + R"(  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _verdigris verdigris
)");
}

std::string Zsh(std::string_view text) { return Replaced(text, {{'\'', "'\\''"}, {'[', "\\["}, {']', "\\]"}, {':', "\\:"}, {'`', ""}}); }

void PrintZsh(Output& out) {
  std::string verbs, cases;
  for (const Page& page : Pages()) {
    verbs += "    '" + std::string(page.verb->name) + ":" + Zsh(page.verb->summary) + "'\n";
    cases += "    '" + std::string(page.verb->name) + "') _arguments -S";
    for (const CLI::Option* option : page.Options()) {
      const bool repeated = option->get_items_expected_max() > 1;
      std::string action;
      if (option->get_items_expected_max() > 0) {
        const auto values = Choices(*option);
        const std::string type = option->get_type_name();
        action = values.empty() ? ":" + type + ":" + (type == "FILE" || type == "KEY" ? "_files" : "") : ":value:(" + Joined(values, " ") + ")";
      }
      for (const std::string& name : Names(*option)) {
        cases += " \\\n      '" + std::string(repeated ? "*" : "") + name + "[" + Zsh(option->get_description()) + "]" + action + "'";
      }
    }
    cases += std::string(page.verb->takes_files ? " \\\n      '*:file:_files'" : "") + " ;;\n";
  }
  out.Write(R"(#compdef verdigris
# Made by `verdigris pages zsh`; do not edit.
_verdigris() {
  local verb=$words[2]
  local -a verbs=(
)" + verbs + R"(  )
  if (( CURRENT == 2 )); then
    compadd -- ${(u)${verbs%%[ :]*}} --help --version
    return
  fi
  local -a seconds=(${${${(M)verbs:#$verb *}#$verb }%%:*})
  if (( $#seconds )); then
    if (( CURRENT == 3 )); then
      compadd -- $seconds
      return
    fi
    verb="$verb $words[3]"
    shift words
    (( CURRENT-- ))
  fi
  shift words
  (( CURRENT-- ))
  case $verb in
)" + cases + R"(  esac
}
_verdigris "$@"
)");
}

Command Add(CLI::App&) {
  return [](Context& context) -> Result<ExitCode> {
    const std::string page = context.files.size() == 1 ? context.files.front() : "";
    if (page == "man") {
      PrintMan(context.out);
    } else if (page == "bash") {
      PrintBash(context.out);
    } else if (page == "zsh") {
      PrintZsh(context.out);
    } else {
      return Fail(ErrorKind::kInvalidArgument, "the page must be man, bash or zsh");
    }
    return kExitYes;
  };
}

}  // namespace

const Verb kPages = {"pages", "", "man|bash|zsh", "verdigris pages bash", true, Add};

}  // namespace verdigris::tools
