// Tested by tests/cli/investigate_test.sh and investigate_test_inputs.sh.
#include "tools/investigation_case.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <thread>

#include "tools/pocket_reference.h"
#include "tools/terminal/message.h"
#include "verify/file.h"

namespace verdigris::tools {
namespace {

constexpr size_t kMostMatched = 10'000;
constexpr size_t kMaxModelFileBytes = size_t{4} << 30;
constexpr uint64_t kMebibyte = uint64_t{1} << 20;

void AddMany(CLI::App& app, const char* name, std::vector<std::string>& to, const char* help, const char* type) {
  app.add_option(name, to, help)->type_name(type)->allow_extra_args(false);
}

// NAME=PATH.
Result<std::pair<std::string, std::string>> NameAndPath(const char* option, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size()) return Usage(std::string(option) + " must be NAME=FILE, got " + Shown(text));
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

bool IsFolder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

Result<void> LoadReferences(const CaseArguments& arguments, const verify::InvestigationFiles& files, LoadedCase& loaded) {
  std::map<std::string, std::vector<std::string>> paths;
  for (const std::string& text : arguments.references) {
    VERDIGRIS_ASSIGN_OR_RETURN(const auto pair, NameAndPath("--reference", text));
    paths[pair.first].push_back(pair.second);
  }
  for (const auto& [name, of_name] : paths) {
    const auto& planned = files.investigation->references;
    const auto reference = std::find_if(planned.begin(), planned.end(), [&name = name](const verify::Reference& r) { return r.name == name; });
    if (reference == planned.end()) return Fail(ErrorKind::kMismatch, "--reference " + Shown(name) + ": the plan has none of this name");
    if (!IsFolder(of_name.front())) {
      VERDIGRIS_ASSIGN_OR_RETURN(loaded.inputs.references[name], verify::ReferenceFromFiles(of_name, files.prompts, *loaded.tokenizer, loaded.pieces));
      continue;
    }
    if (of_name.size() > 1) return Usage("--reference " + name + ": a folder stands alone");
    const std::string weights = of_name.front() + "/model.safetensors";
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, verify::ReadFile(weights, kMaxModelFileBytes));
    const Digest digest = Sha256(AsBytes(bytes));
    if (reference->model_sha256 && digest != *reference->model_sha256) {
      return Fail(ErrorKind::kMismatch, weights + ": sha256 is " + Hex(digest) + ", the plan has " + Hex(*reference->model_sha256));
    }
    VERDIGRIS_ASSIGN_OR_RETURN(loaded.inputs.references[name], PocketReference(of_name.front(), *loaded.tokenizer));
  }
  for (const std::string& name : arguments.stated_free) loaded.inputs.stated_free.insert(name);
  return {};
}

// NAME.filter with NAME.key and, where texts are read, NAME.jsonl.
Result<void> LoadMatched(const CaseArguments& arguments, const std::optional<SecretBytes>& passphrase, LoadedCase& loaded) {
  if (arguments.matched.empty()) return {};
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator at(arguments.matched, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".filter") paths.push_back(at->path());
  }
  if (error) return Fail(ErrorKind::kNotFound, arguments.matched + ": " + error.message());
  if (paths.size() > kMostMatched) return Fail(ErrorKind::kLimit, arguments.matched + ": more than 10000 accounts");
  std::sort(paths.begin(), paths.end());
  for (const std::filesystem::path& path : paths) {
    VERDIGRIS_ASSIGN_OR_RETURN(verify::Filter filter, LoadFilter(path.string(), arguments.secrets.insecure_permissions));
    VERDIGRIS_ASSIGN_OR_RETURN(KeyFile key, LoadKey(std::filesystem::path(path).replace_extension(".key").string(), arguments.secrets, passphrase));
    loaded.matched_filters.push_back(std::move(filter));
    loaded.matched_keys.push_back(std::move(key));
  }
  for (size_t i = 0; i < paths.size(); ++i) {
    verify::MatchedAccount& account = loaded.inputs.matched.emplace_back();
    account.name = paths[i].stem().string();
    account.key = &loaded.matched_keys[i];
    account.filter = &loaded.matched_filters[i];
    const std::string answers = std::filesystem::path(paths[i]).replace_extension(".jsonl").string();
    if (std::filesystem::exists(answers, error)) account.answers.push_back(answers);
  }
  return {};
}

// Of a verdict and of a look at one.
void AddShared(CLI::App& app, CaseArguments& arguments) {
  AddMany(app, "--reference", arguments.references, "what a reference says: lists, or a model", "NAME=FILE|DIR");
  AddMany(app, "--filter", arguments.filters, "what an account was served", "FILE");
  app.add_option("--memory", arguments.memory, "of the evidence, MiB (2048)")->type_name("N");
  app.add_option("--threads", arguments.threads, "0: as many as the machine has (0)")->type_name("N");
  AddSecretOptions(app, arguments.secrets);
}

}  // namespace

void AddLookOptions(CLI::App& app, CaseArguments& arguments) {
  AddMany(app, "--key", arguments.keys, "provider, selector or account key; judges looks", "FILE");
  AddShared(app, arguments);
}

void AddCaseOptions(CLI::App& app, CaseArguments& arguments) {
  AddMany(app, "--key", arguments.keys, "provider, selector or account key; once for each", "FILE");
  AddMany(app, "--answers", arguments.answers, "answers collected elsewhere", "FILE");
  AddMany(app, "--stated-free", arguments.stated_free, "its owner states: no marked text in it", "NAME");
  app.add_option("--key-since", arguments.key_since, "text was first served under it: dates references")->type_name("TIME");
  app.add_option("--matched", arguments.matched, "other accounts: X.filter with X.key")->type_name("DIR");
  AddMany(app, "--control", arguments.controls, "answers of an older, independent model", "NAME=FILE");
  AddShared(app, arguments);
}

Result<std::unique_ptr<LoadedCase>> LoadCase(const CaseArguments& arguments, const verify::InvestigationFiles& files, std::string& hint) {
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t memory, ParseInteger("--memory", arguments.memory, 1, uint64_t{1} << 20));
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t threads, ParseInteger("--threads", arguments.threads, 0, 1024));
  if (!arguments.key_since.empty() && !IsUtcTime(arguments.key_since)) {
    return Usage("--key-since must be a time such as 2027-01-01T00:00:00Z, got " + Shown(arguments.key_since));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(Profile profile, LoadProfile(arguments.profile));
  auto tokenizer = FindTokenizer(profile, arguments.profile, arguments.tokenizer, arguments.allow_tokenizer_mismatch);
  if (!tokenizer) {
    if (tokenizer.error().kind == ErrorKind::kNotFound && arguments.tokenizer.empty()) hint = "give --tokenizer FILE";
    return Unexpected(tokenizer.error());
  }
  VERDIGRIS_ASSIGN_OR_RETURN(verify::PieceMap pieces, verify::PieceMap::Of(**tokenizer));
  auto loaded = std::make_unique<LoadedCase>(LoadedCase{std::move(profile), std::move(*tokenizer), std::move(pieces), {}, {}, {}, {}, {}, {}});
  if (loaded->tokenizer->digest() != loaded->profile.tokenizer_sha256()) {
    loaded->warnings.push_back({"tokenizer_mismatch", 1, "sha256 of the tokenizer is " + Hex(loaded->tokenizer->digest()) + ", the profile has " +
                                                             Hex(loaded->profile.tokenizer_sha256())});
  }
  if (arguments.secrets.insecure_permissions) loaded->warnings.push_back({"insecure_permissions", 1, "owner and mode of the key files were not checked"});
  VERDIGRIS_ASSIGN_OR_RETURN(loaded->keys, LoadLayerKeys(arguments.keys, arguments.secrets, loaded->profile, arguments.profile, hint));
  for (const std::string& path : arguments.filters) {
    VERDIGRIS_ASSIGN_OR_RETURN(verify::Filter filter, LoadFilter(path, arguments.secrets.insecure_permissions));
    loaded->filters.push_back(std::move(filter));
  }
  verify::InvestigationInputs& inputs = loaded->inputs;
  inputs.records.files = &files;
  inputs.records.profile = &loaded->profile;
  inputs.records.tokenizer = loaded->tokenizer.get();
  inputs.records.pieces = &loaded->pieces;
  inputs.records.elsewhere = arguments.answers;
  inputs.records.threads = threads != 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
  inputs.key_since = arguments.key_since;
  inputs.memory_bytes = memory * kMebibyte;
  inputs.keys = Pointers(loaded->keys);
  for (const verify::Filter& filter : loaded->filters) inputs.filters.push_back(&filter);
  VERDIGRIS_RETURN_IF_ERROR(LoadReferences(arguments, files, *loaded));
  VERDIGRIS_ASSIGN_OR_RETURN(const auto passphrase, ReadPassphrase(arguments.secrets));
  VERDIGRIS_RETURN_IF_ERROR(LoadMatched(arguments, passphrase, *loaded));
  for (const std::string& text : arguments.controls) {
    VERDIGRIS_ASSIGN_OR_RETURN(const auto pair, NameAndPath("--control", text));
    auto model = std::find_if(inputs.models.begin(), inputs.models.end(), [&](const verify::ControlModel& m) { return m.name == pair.first; });
    if (model == inputs.models.end()) model = inputs.models.insert(inputs.models.end(), {pair.first, {}});
    model->answers.push_back(pair.second);
  }
  return loaded;
}

JudgeLook MakeLookJudge(CaseArguments arguments) {
  return [arguments = std::move(arguments)](const verify::InvestigationFiles& files, const LookPoint& point) -> Result<LookOutcome> {
    std::string hint;
    auto loaded = LoadCase(arguments, files, hint);
    if (!loaded) {
      if (!hint.empty()) PrintHint(hint);
      return Unexpected(loaded.error());
    }
    const bool futility = point.kind == LookPoint::Kind::kFutility;
    VERDIGRIS_ASSIGN_OR_RETURN(const verify::LookFinding look, verify::JudgeAtLook((*loaded)->inputs, futility ? 0 : point.number, point.lines));
    PrintNote((futility ? "at " : "look " + std::to_string(point.number) + ", at ") + std::to_string(point.tokens) + " answer tokens: p 10^" +
              verify::FourPlacesUp(futility ? look.log10_p : look.log10_p_looks));
    if (futility) return look.log10_p > std::log10(0.5) && look.power >= 0.9 ? LookOutcome::kFutile : LookOutcome::kContinue;
    return verify::Detects(look.log10_p_looks, files.plan->alpha_log10()) ? LookOutcome::kDetected : LookOutcome::kContinue;
  };
}

}  // namespace verdigris::tools
