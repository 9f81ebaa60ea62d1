// Each verb is a parser of its own: CLI11 reads options, and nothing else of it is used. Its subcommands would take a
// file named like a verb for that verb, its vectors split a file named "[a,b]", and its messages repeat what was typed,
// which may be a prompt: so the verb is looked up, and files and messages are dealt with, here.
//
// Tested by tests/cli/.
#include "tools/cli.h"

#include <algorithm>
#include <memory>
#include <new>
#include <optional>

#include "tools/process.h"
#include "tools/known_answers.h"
#include "tools/terminal/message.h"

namespace verdigris::tools {
namespace {

constexpr size_t kColumns = 80, kLabelColumns = 26;

// Words of `text` in lines that end before kColumns; the first line goes on at `column`, others begin at `indent`.
std::string Wrapped(std::string_view text, size_t column, size_t indent) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (column > indent && column + 1 + end > kColumns) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + "\n";
}

std::string Entry(std::string_view label, std::string_view description) {
  std::string out = "  " + std::string(label);
  if (out.size() + 2 > kLabelColumns) {
    out += "\n" + std::string(kLabelColumns, ' ');
  } else {
    out.resize(kLabelColumns, ' ');
  }
  return out + Wrapped(description, kLabelColumns, kLabelColumns);
}

std::string ExampleBlock(std::string_view example) {
  std::string out = "\nexample:\n";
  while (!example.empty()) {
    const size_t end = std::min(example.find('\n'), example.size());
    out += "  " + std::string(example.substr(0, end)) + "\n";
    example.remove_prefix(std::min(end + 1, example.size()));
  }
  return out;
}

std::string VerbNames() {
  std::string names;
  for (const Verb& verb : Verbs()) {
    if (!verb.summary.empty()) names += (names.empty() ? "" : ", ") + std::string(verb.name);
  }
  return names;
}

const Verb* FindVerb(std::string_view name) {
  const auto verbs = Verbs();
  const auto at = std::find_if(verbs.begin(), verbs.end(), [&](const Verb& verb) { return verb.name == name; });
  return at == verbs.end() ? nullptr : &*at;
}

bool IsFamily(std::string_view name) {
  return std::any_of(Verbs().begin(), Verbs().end(),
                     [&](const Verb& verb) { return verb.name.starts_with(std::string(name) + " "); });
}

// An option's name alone, without the value behind it.
std::string OptionName(std::string_view argument) { return Shown(argument.substr(0, argument.find('='))); }

// What CLI11 left over: files, and options that there are none of.
Result<std::vector<std::string>> FilesOf(const CLI::App& app, const Verb& verb) {
  std::vector<std::string> files;
  bool options_end = false;
  for (const std::string& argument : app.remaining()) {
    if (!options_end && argument == "--") {
      options_end = true;
    } else if (!options_end && argument.size() > 1 && argument[0] == '-') {
      return Usage("unknown option " + OptionName(argument));
    } else {
      files.push_back(argument);
    }
  }
  if (!files.empty() && !verb.takes_files) return Usage(std::string(verb.name) + " takes no arguments but options, got " + std::to_string(files.size()));
  return files;
}

// CLI11's reasons without what was typed.
Unexpected UsageOf(const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::RequiredError*>(&error) || dynamic_cast<const CLI::ExcludesError*>(&error) ||
      dynamic_cast<const CLI::RequiresError*>(&error)) {
    return Usage(error.what());
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error)) {
    const std::string_view what = error.what();  // "--alpha: 1 required TEXT missing", "--alpha: At Most 1 required but ..."
    const std::string name(what.substr(0, what.find(':')));
    return Usage(what.find("missing") != what.npos ? name + " needs a value" : name + " stands more than once");
  }
  return Usage("a switch was given a value, and takes none");
}

Result<ExitCode> RunVerb(const Verb& verb, std::vector<std::string> arguments, Context& context) {
  const auto app = MakeParser();
  const Command command = verb.add(*app);
  const size_t argument_count = arguments.size();
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app->parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    context.out.Write(HelpOf(verb, *app));
    return kExitYes;
  } catch (const CLI::ParseError& error) {
    context.hint = "verdigris " + std::string(verb.name) + " --help";
    // An unknown option is the likelier cause of a missing one.
    auto files = FilesOf(*app, verb);
    return files ? UsageOf(error) : Unexpected(files.error());
  }
  auto files = FilesOf(*app, verb);
  if (!files) {
    context.hint = "verdigris " + std::string(verb.name) + " --help";
    return Unexpected(files.error());
  }
  context.files = std::move(*files);
  MakeSecureHeap(argument_count);
  if (const char* failed = QuickSelfTest()) {
    return Fail(ErrorKind::kInternal, "the self-test failed: " + std::string(failed));
  }
  return command(context);
}

Result<ExitCode> Dispatch(std::span<char* const> arguments, Context& context) {
  if (arguments.empty()) {
    context.hint = "verbs: " + VerbNames();
    return Usage("a verb is missing");
  }
  const std::string_view first = arguments[0];
  if (first == "-h" || first == "--help" || first == "help") {
    context.out.Write(HelpOfTool());
    return kExitYes;
  }
  if (first == "-V" || first == "--version") {
    context.out.Write("verdigris " VERDIGRIS_VERSION "\n");
    return kExitYes;
  }
  std::string name(first);
  size_t words = 1;
  if (IsFamily(first)) {
    if (arguments.size() > 1) name += " " + std::string(arguments[1]);
    words = std::min<size_t>(2, arguments.size());
  }
  const Verb* verb = FindVerb(name);
  if (verb != nullptr) return RunVerb(*verb, {arguments.begin() + static_cast<ptrdiff_t>(words), arguments.end()}, context);
  if (IsFamily(first) && words == 2 && (std::string_view(arguments[1]) == "-h" || std::string_view(arguments[1]) == "--help")) {
    std::string help = "usage: verdigris " + std::string(first) + " VERB [options]\n\n", example;
    for (const Verb& each : Verbs()) {
      if (!each.name.starts_with(std::string(first) + " ")) continue;
      help += Entry(each.name, each.summary);
      if (example.empty()) example = "verdigris " + std::string(each.name) + " --help";
    }
    context.out.Write(help + ExampleBlock(example));
    return kExitYes;
  }
  context.hint = "verbs: " + VerbNames();
  if (first.starts_with("-")) return Usage("unknown option " + OptionName(first));
  if (!IsFamily(first)) return Usage("unknown verb " + Shown(first));
  return Usage(words == 1 ? std::string(first) + " needs a second word" : "unknown verb " + std::string(first) + " " + Shown(arguments[1]));
}

}  // namespace

std::unique_ptr<CLI::App> MakeParser() {
  auto app = std::make_unique<CLI::App>();
  app->set_help_flag("-h,--help", "this help");
  app->allow_extras();
  return app;
}

std::string OptionLabel(const CLI::Option& option) {
  std::string label;
  for (const std::string& name : option.get_snames()) label += (label.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames()) label += (label.empty() ? "--" : ", --") + name;
  if (option.get_items_expected_max() > 0) label += " " + option.get_type_name();
  return label;
}

std::string HelpOf(const Verb& verb, const CLI::App& app) {
  const std::string start = "usage: verdigris " + std::string(verb.name);
  std::string help = start + " " + Wrapped(verb.usage, start.size() + 1, start.size() + 1);
  help += "\n" + std::string(verb.summary) + "\n" + std::string(verb.notes) + (verb.notes.empty() ? "\n" : "\n\n");
  std::string more;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group() == kMoreGroup) {
      more += " " + option->get_name();
    } else if (option != app.get_help_ptr()) {
      help += Entry(OptionLabel(*option), option->get_description());
    }
  }
  help += Entry("-h, --help", "this help");
  if (!more.empty()) help += Wrapped("and, as man verdigris says:" + more, 0, 0);
  return help + ExampleBlock(verb.example);
}

std::string HelpOfTool() {
  std::string help =
      "usage: verdigris VERB [options]\n\n"
      "Marks the output of a language model while it is sampled, and shows later, with\n"
      "numbers that hold up, whether a text carries the mark.\n\n";
  for (const Verb& verb : Verbs()) {
    if (!verb.summary.empty()) help += Entry(verb.name, verb.summary);
  }
  help += "\n" + Entry("VERB --help", "options and an example") + Entry("-V, --version", "version");
  return help + ExampleBlock("verdigris detect --profile profile.json --key provider.key answer.txt");
}

int Run(int argc, char** argv) {
  PrepareProcess();
  Context context;
  ExitCode code = kExitInternal;
  try {
    auto result = Dispatch(std::span<char* const>(argv, static_cast<size_t>(argc)).subspan(argc > 0 ? 1 : 0), context);
    if (result) {
      code = *result;
    } else {
      PrintError(result.error());
      if (!context.hint.empty()) PrintHint(context.hint);
      code = ExitCodeOf(result.error().kind);
    }
  } catch (const std::bad_alloc&) {
    PrintError({ErrorKind::kNoMemory, "out of memory"});
    code = kExitInternal;
  } catch (const std::exception&) {  // none is expected; what() could hold input
    PrintError({ErrorKind::kInternal, "an unexpected exception"});
    code = kExitInternal;
  }
  return context.out.Finish(code);
}

}  // namespace verdigris::tools
