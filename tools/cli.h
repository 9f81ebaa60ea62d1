// What every verb of the tool shares: its row in the table, options, help, errors and exit statuses.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/exit_code.h"
#include "tools/option_values.h"
#include "tools/terminal/output.h"
#include "verify/report/figures.h"
#include "watermark/result.h"

namespace verdigris::tools {

// One run of a verb.
struct Context {
  Output out;                      // standard output
  std::vector<std::string> files;  // what stands on the line without an option
  std::string hint;                // printed below the error that the verb returns, if it returns one
};

// The work of a verb whose options have been read. An error is printed and decides the exit status.
using Command = std::function<Result<ExitCode>(Context&)>;

struct Verb {
  std::string_view name;     // one word, or two for verbs of a family: "profile new"
  std::string_view summary;  // one line
  std::string_view usage;    // what follows the name
  std::string_view example;  // lines of shell
  bool takes_files;          // arguments without an option
  Command (*add)(CLI::App&);  // adds the options; the command reads what they hold by then
  std::string_view notes = {};  // a line more for help
};

// The table (tools/verbs.cc).
std::span<const Verb> Verbs();

// Options of schemes, which come from the table of schemes, stand in a group of this name: pages that are written down
// leave them out.
inline constexpr const char* kSchemeGroup = "Scheme";

// Options that few need stand in this group: help names them in a line or two, the man page explains them.
inline constexpr const char* kMoreGroup = "More";

// An empty parser for a verb, without configuration file or environment.
std::unique_ptr<CLI::App> MakeParser();
// "-o, --output FILE"
std::string OptionLabel(const CLI::Option& option);
// `verdigris VERB --help`, at most 80 columns.
std::string HelpOf(const Verb& verb, const CLI::App& app);
std::string HelpOfTool();

// The program: exit status.
int Run(int argc, char** argv);

using verify::PrintReal;

}  // namespace verdigris::tools
