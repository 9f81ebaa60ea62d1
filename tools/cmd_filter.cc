// verdigris filter: which windows an account was served, without the text (suspect-models.md M5). Tested by
// tests/cli/filter*.sh.
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <system_error>

#include <nlohmann/json.hpp>
#include <openssl/rand.h>

#include "tools/inputs.h"
#include "tools/terminal/message.h"
#include "tools/terminal/printable.h"
#include "tools/verbs.h"
#include "tools/write_key.h"  // AsWriteError
#include "verify/file.h"
#include "verify/suspect/served_log.h"

namespace verdigris::tools {
namespace {

void PrintFilter(const verify::Filter& filter, const std::string& path, bool json, Output& out) {
  const verify::FilterFacts& facts = filter.facts();
  if (json) {
    const nlohmann::ordered_json line = {{"schema", "verdigris.filter/1"}, {"input", path}, {"label", facts.label}, {"window", facts.window},
                                         {"digest_bytes", facts.digest_bytes}, {"windows", filter.size()}, {"false_positive_rate", filter.FalsePositiveRate()},
                                         {"scheme_id", Hex(facts.scheme_id)}, {"salt", Hex(facts.salt)}, {"sha256", Hex(filter.digest())}};
    out.Write(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
    return;
  }
  char rate[32];
  std::snprintf(rate, sizeof rate, "%.2g", filter.FalsePositiveRate());
  out.Write(Printable(path) + ": " + (facts.label.empty() ? "of no single account" : "account " + facts.label) +
            "\n  windows     " + std::to_string(filter.size()) + " of " + std::to_string(facts.window) + " ids, digests of " + std::to_string(facts.digest_bytes) +
            " bytes\n  false       " + rate + " of other windows are taken for its own\n  scheme_id   " + Hex(facts.scheme_id) +
            "\n  salt        " + Hex(facts.salt) + "\n  sha256      " + Hex(filter.digest()) + "\n");
}

Result<void> WriteFilter(const verify::Filter& filter, const std::string& path) {
  if (path == "-") return Usage("a filter is confidential: it is written to a file of its own, never to standard output");
  if (auto written = verify::WriteSecretFile(path, AsBytes(filter.bytes())); !written) return AsWriteError(written.error());
  return {};
}

// ---- build

struct BuildOptions {
  std::string profile, account, output, bytes = "6", salt_from;
  bool all = false, json = false, insecure_permissions = false;
};

Result<verify::FilterSalt> SaltOf(const BuildOptions& options, const Profile& profile) {
  verify::FilterSalt salt;
  if (options.salt_from.empty()) {
    if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1) return Fail(ErrorKind::kInternal, "no random numbers");
    return salt;
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::Filter filter, LoadFilter(options.salt_from, options.insecure_permissions));
  if (filter.facts().scheme_id != profile.scheme_id()) {
    return Fail(ErrorKind::kMismatch, options.salt_from + ": a filter of scheme_id " + Hex(filter.facts().scheme_id) + ", the profile has " + Hex(profile.scheme_id()));
  }
  return filter.facts().salt;
}

// The log's files, oldest first, into a builder for each account, or for `account` alone.
Result<std::map<std::string, verify::FilterBuilder>> ReadLogs(const BuildOptions& options, const std::vector<std::string>& paths, const Profile& profile,
                                                              const verify::FilterFacts& facts) {
  std::map<std::string, verify::FilterBuilder> builders;
  std::string last_time;
  for (const std::string& path : paths) {
    VERDIGRIS_ASSIGN_OR_RETURN(verify::LineReader lines, verify::LineReader::Open(path, verify::kMaxServedLineBytes));
    std::string_view line;
    for (;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, lines.Next(line));
      if (!more) break;
      const auto answer = verify::ParseServedAnswer(line);
      if (!answer) return Fail(answer.error().kind, lines.Place() + ": " + answer.error().message);
      if (!answer->time.empty()) {
        if (answer->time < last_time) return Fail(ErrorKind::kMalformed, lines.Place() + ": " + answer->time + " is before " + last_time + ": the log must be in order of time");
        last_time = answer->time;
      }
      if (!options.all && answer->account != options.account) continue;
      auto at = builders.find(answer->account);
      if (at == builders.end()) {
        verify::FilterFacts own = facts;
        own.label = answer->account;
        VERDIGRIS_ASSIGN_OR_RETURN(verify::FilterBuilder builder, verify::FilterBuilder::Create(std::move(own), profile.special_ids()));
        at = builders.emplace(answer->account, std::move(builder)).first;
      }
      if (auto added = at->second.Add(answer->prompt, answer->output); !added) return Fail(added.error().kind, lines.Place() + ": " + added.error().message);
    }
  }
  return builders;
}

Result<void> MakeEmptyFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  const int error = errno;
  std::error_code ignored;
  if (error == EEXIST && std::filesystem::is_directory(path, ignored) && std::filesystem::is_empty(path, ignored)) return {};
  if (error == EEXIST) return Usage(path + ": exists, and is no empty folder");
  return Fail(ErrorKind::kInternal, path + ": " + std::error_code(error, std::generic_category()).message());
}

Result<ExitCode> Build(const BuildOptions& options, Context& context) {
  if (options.all == !options.account.empty()) return Usage("give either --account LABEL or --all");
  if (!options.account.empty() && !IsAccountLabel(options.account)) return Usage("--account must be 1 to 64 of A-Z a-z 0-9 . _ : @ / + -, the first a letter or digit");
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t digest_bytes, ParseInteger("--bytes", options.bytes, verify::kLeastDigestBytes, verify::kMostDigestBytes));
  if (context.files.empty()) return Usage("no log: name its files, oldest first, or - for standard input");
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(options.profile));
  verify::FilterFacts facts;
  facts.window = static_cast<uint8_t>(profile.window());
  facts.digest_bytes = static_cast<uint8_t>(digest_bytes);
  facts.scheme_id = profile.scheme_id();
  VERDIGRIS_ASSIGN_OR_RETURN(facts.salt, SaltOf(options, profile));
  VERDIGRIS_ASSIGN_OR_RETURN(const auto builders, ReadLogs(options, context.files, profile, facts));
  if (builders.empty()) {
    return Fail(ErrorKind::kMismatch, options.all ? "the log holds no answer" : "the log holds no answer of account " + options.account);
  }
  if (options.all) VERDIGRIS_RETURN_IF_ERROR(MakeEmptyFolder(options.output));
  for (const auto& [label, builder] : builders) {
    const std::string path = options.all ? options.output + "/" + verify::FileNameOf(label) + ".filter" : options.output;
    VERDIGRIS_ASSIGN_OR_RETURN(const verify::Filter filter, builder.Finish());
    VERDIGRIS_RETURN_IF_ERROR(WriteFilter(filter, path));
    if (options.json) PrintFilter(filter, path, /*json=*/true, context.out);
    if (!options.all) {
      PrintNote("filter of " + label + " is in " + path + ": " + std::to_string(filter.size()) + " windows of " + std::to_string(builder.answers()) + " answers, " +
                std::to_string(builder.tokens()) + " tokens");
    }
  }
  if (options.all) PrintNote("filters of " + std::to_string(builders.size()) + " accounts are in " + options.output);
  return kExitYes;
}

Command AddBuild(CLI::App& app) {
  auto options = std::make_shared<BuildOptions>();
  app.add_option("--profile", options->profile, "profile of the mark")->type_name("FILE")->required();
  app.add_option("--account", options->account, "the account to make a filter of")->type_name("LABEL");
  app.add_flag("--all", options->all, "one for each account of the log, into a folder");
  app.add_option("-o,--output", options->output, "file to make, mode 0600; with --all a folder")->type_name("PATH")->required();
  app.add_option("--salt-from", options->salt_from, "take the salt of this filter: one an epoch")->type_name("FILTER");
  app.add_option("--bytes", options->bytes, "bytes of a window's digest (6)")->type_name("4..8");
  app.add_flag("--json", options->json, "one JSON document a filter");
  app.add_flag("--insecure-permissions", options->insecure_permissions, "do not check owner and mode of filters");
  return [options](Context& context) { return Build(*options, context); };
}

// ---- show

struct ShowOptions {
  bool json = false, insecure_permissions = false;
};

Result<ExitCode> ShowFilters(const ShowOptions& options, Context& context) {
  if (context.files.empty()) return Usage("no filter: name a file");
  bool failed = false;
  for (const std::string& path : context.files) {
    if (const auto filter = LoadFilter(path, options.insecure_permissions)) {
      PrintFilter(*filter, path, options.json, context.out);
    } else {
      PrintError(filter.error());
      failed = true;
    }
  }
  return failed ? kExitInput : kExitYes;
}

Command AddShow(CLI::App& app) {
  auto options = std::make_shared<ShowOptions>();
  app.add_flag("--json", options->json, "one JSON document a filter");
  app.add_flag("--insecure-permissions", options->insecure_permissions, "do not check owner and mode of filters");
  return [options](Context& context) { return ShowFilters(*options, context); };
}

// ---- unite, intersect

using Combine = Result<verify::Filter> (*)(const verify::Filter&, const verify::Filter&, std::string);

struct CombineOptions {
  std::string output, label;
  bool json = false, insecure_permissions = false;
};

Result<ExitCode> CombineFilters(const CombineOptions& options, Combine combine, Context& context) {
  if (context.files.size() < 2) return Usage("at least two filters are needed");
  if (!options.label.empty() && !IsAccountLabel(options.label)) return Usage("--label must be 1 to 64 of A-Z a-z 0-9 . _ : @ / + -, the first a letter or digit");
  VERDIGRIS_ASSIGN_OR_RETURN(verify::Filter filter, LoadFilter(context.files.front(), options.insecure_permissions));
  for (size_t i = 1; i < context.files.size(); ++i) {
    VERDIGRIS_ASSIGN_OR_RETURN(const verify::Filter other, LoadFilter(context.files[i], options.insecure_permissions));
    // Without --label the filter is that of an account only where all are.
    const bool one_account = filter.facts().label == other.facts().label;
    const std::string label = !options.label.empty() ? options.label : one_account ? filter.facts().label : std::string();
    auto combined = combine(filter, other, label);
    if (!combined) {
      if (combined.error().message.starts_with("filters of two salts")) context.hint = "build the filters of one epoch with one salt: filter build --salt-from FILTER";
      return InFile(context.files[i], combined.error());
    }
    filter = std::move(*combined);
  }
  VERDIGRIS_RETURN_IF_ERROR(WriteFilter(filter, options.output));
  if (options.json) PrintFilter(filter, options.output, /*json=*/true, context.out);
  PrintNote("filter of " + std::to_string(filter.size()) + " windows is in " + options.output);
  return kExitYes;
}

template <Combine kCombine>
Command AddCombine(CLI::App& app) {
  auto options = std::make_shared<CombineOptions>();
  app.add_option("-o,--output", options->output, "file to make, mode 0600; must not exist")->type_name("FILE")->required();
  app.add_option("--label", options->label, "account of the new filter (that of all, if one)")->type_name("LABEL");
  app.add_flag("--json", options->json, "one JSON document");
  app.add_flag("--insecure-permissions", options->insecure_permissions, "do not check owner and mode of filters");
  return [options](Context& context) { return CombineFilters(*options, kCombine, context); };
}

}  // namespace

const Verb kFilterBuild = {"filter build",
                           "makes a filter of what an account was served",
                           "--profile FILE --account LABEL -o FILE LOG...|-",
                           "verdigris filter build --profile p.json --account acct-7 -o acct-7.filter \\\n    log.jsonl",
                           true,
                           AddBuild,
                           "LOG is complete and in order of time, a line an answer:\n"
                           "{\"account\":\"acct-7\",\"prompt\":[ids],\"output\":[ids],\"time\":\"2027-01-31T09:30:00Z\"}"};
const Verb kFilterShow = {"filter show", "prints what a filter says of itself, never a window", "[options] FILTER...", "verdigris filter show acct-7.filter", true, AddShow};
const Verb kFilterUnite = {"filter unite",
                           "makes the filter of all windows of several",
                           "-o FILE FILTER FILTER...",
                           "verdigris filter unite -o cluster.filter acct-7.filter acct-8.filter",
                           true,
                           AddCombine<verify::Unite>,
                           "filters of one salt; windows stand in the order of the files"};
const Verb kFilterIntersect = {"filter intersect",
                               "makes the filter of the windows that several share",
                               "-o FILE FILTER FILTER...",
                               "verdigris filter intersect -o both.filter acct-7.filter acct-8.filter",
                               true,
                               AddCombine<verify::Intersect>,
                               "filters of one salt; windows stand in the order of the first"};

}  // namespace verdigris::tools
