// verdigris attribute: which of many accounts a text, a corpus or a suspect model is related to. Tested by tests/cli/attribute*.sh.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>

#include <nlohmann/json.hpp>

#include "tools/attribute_model.h"
#include "tools/documents.h"
#include "tools/inputs.h"
#include "tools/terminal/figures.h"
#include "tools/terminal/finding_text.h"  // kFirstLimit
#include "tools/terminal/message.h"
#include "tools/terminal/printable.h"
#include "tools/terminal/progress.h"
#include "tools/verbs.h"
#include "verify/attribute.h"
#include "verify/file.h"
#include "verify/finding.h"
#include "verify/law.h"
#include "verify/multiplicity.h"
#include "verify/power.h"
#include "verify/suspect/accounts.h"  // Log10PosteriorOdds
#include "verify/text/token_ids.h"

namespace verdigris::tools {
namespace {

constexpr size_t kMaxIdBytes = size_t{64} << 20;
constexpr size_t kMaxLabelBytes = size_t{128} << 20;
constexpr size_t kNext = 10;           // accounts listed behind those named (M12.5)
constexpr size_t kMostNamed = 10'000;  // listed; more of one text would be a mistake in the keys
constexpr double kPrior = 1e-4, kPower = 0.9;

struct Options {
  std::string profile, epoch_key, labels, tokenizer, alpha, rule = "first", ids, family = "0";
  std::string investigation, filters, clusters;
  std::vector<std::string> keys, account_keys, answers, references, stated_free;
  bool pooled = false, without_provider = false, allow_tokenizer_mismatch = false, json = false;
  SecretOptions secrets;
};

// What attribution of any input takes.
struct Setup {
  Profile profile;
  std::vector<KeyFile> shared;  // provider and selector
  std::optional<KeyFile> epoch_key;
  std::vector<std::string> labels;
  verify::AccountKeys keys;
  std::unique_ptr<verify::Tokenizer> tokenizer;  // null where ids are given
  std::optional<verify::IdForm> form;
  verify::AttributeOptions options;
  std::vector<verify::Warning> warnings;

  const KeyFile* Shared(KeyRole role) const {
    const auto at = std::find_if(shared.begin(), shared.end(), [&](const KeyFile& key) { return key.role == role; });
    return at == shared.end() ? nullptr : &*at;
  }
  verify::AccountSource Accounts() const { return epoch_key ? verify::AccountsOf(epoch_key->key, labels) : keys.Source(); }
};

// A file of labels, a line each.
Result<std::vector<std::string>> ReadLabels(const std::string& path) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string text, verify::ReadFile(path, kMaxLabelBytes));
  std::vector<std::string> labels;
  std::map<std::string_view, size_t> lines;
  std::string_view rest = text;
  for (size_t line = 1; !rest.empty(); ++line) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view label = rest.substr(0, end);
    const std::string place = path + ":" + std::to_string(line);
    if (!IsAccountLabel(label)) return Fail(ErrorKind::kMalformed, place + ": no account label");
    const auto [at, is_new] = lines.emplace(label, line);
    if (!is_new) return Fail(ErrorKind::kMismatch, place + ": the account of line " + std::to_string(at->second) + " again");
    labels.emplace_back(label);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (labels.empty()) return Fail(ErrorKind::kMalformed, path + ": no account label");
  return labels;
}

// Keys of files, and of the *.key files of folders.
Result<std::vector<std::string>> KeyPaths(const std::vector<std::string>& given) {
  std::vector<std::string> paths;
  for (const std::string& path : given) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) {
      paths.push_back(path);
      continue;
    }
    VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<std::string> below, FilesUnder({path}));
    const size_t before = paths.size();
    std::copy_if(below.begin(), below.end(), std::back_inserter(paths), [](const std::string& file) { return file.ends_with(".key"); });
    if (paths.size() == before) return Fail(ErrorKind::kNotFound, path + ": no file named *.key in it");
  }
  return paths;
}

Result<verify::AccountKeys> LoadAccountKeys(const std::vector<std::string>& given, const Options& options, const Profile& profile, std::string& hint) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<SecretBytes> passphrase, ReadPassphrase(options.secrets));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<std::string> paths, KeyPaths(given));
  verify::AccountKeys keys;
  Progress progress("keys", paths.size());
  for (const std::string& path : paths) {
    // One at a time: locked memory is for few keys.
    auto key = LoadKey(path, options.secrets, passphrase);
    if (!key) {
      hint = KeyHint(key.error());
      return Unexpected(key.error());
    }
    if (key->role == KeyRole::kAccount && key->scheme_id != profile.scheme_id()) {
      return Fail(ErrorKind::kMismatch, path + ": scheme_id of the key is " + Hex(key->scheme_id) + ", of the profile " + Hex(profile.scheme_id()));
    }
    if (auto added = keys.Add(*key); !added) return InFile(path, added.error());
    progress.Update(keys.size());
  }
  return keys;
}

Result<verify::AttributeOptions> ParseOptions(const Options& options) {
  verify::AttributeOptions out;
  VERDIGRIS_ASSIGN_OR_RETURN(out.alpha, ParseAlpha(options.alpha.empty() ? "1e-6" : options.alpha));
  VERDIGRIS_ASSIGN_OR_RETURN(out.rule, ParseRule(options.rule));
  VERDIGRIS_ASSIGN_OR_RETURN(out.family, ParseInteger("--family", options.family, 0, uint64_t{1} << 32));
  out.report = kMostNamed + kNext;
  out.without_provider = options.without_provider;
  if (options.account_keys.empty() == options.epoch_key.empty()) return Usage("give either --keys, or --epoch-key with --labels");
  if (options.epoch_key.empty() != options.labels.empty()) return Usage("--epoch-key and --labels belong together");
  return out;
}

// The accounts' keys, or what they are derived from; of the epoch of the shared keys.
Result<void> LoadAccounts(const Options& options, Setup& setup, std::string& hint) {
  uint32_t epoch = 0;
  if (!options.epoch_key.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<SecretBytes> passphrase, ReadPassphrase(options.secrets));
    VERDIGRIS_ASSIGN_OR_RETURN(setup.epoch_key, LoadKey(options.epoch_key, options.secrets, passphrase));
    if (setup.epoch_key->role != KeyRole::kEpoch || setup.epoch_key->scheme_id != setup.profile.scheme_id()) {
      return Fail(ErrorKind::kMismatch, options.epoch_key + ": an epoch key of the profile's scheme is needed");
    }
    VERDIGRIS_ASSIGN_OR_RETURN(setup.labels, ReadLabels(options.labels));
    epoch = setup.epoch_key->epoch;
  } else {
    VERDIGRIS_ASSIGN_OR_RETURN(setup.keys, LoadAccountKeys(options.account_keys, options, setup.profile, hint));
    epoch = setup.keys.epoch();
  }
  for (const KeyFile& key : setup.shared) {
    if (key.epoch == epoch) continue;
    return Fail(ErrorKind::kMismatch, "the " + std::string(RoleName(key.role)) + " key is of epoch " + std::to_string(key.epoch) + ", the accounts are of epoch " + std::to_string(epoch));
  }
  return {};
}

Result<Setup> MakeSetup(const Options& options, std::string& hint) {
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::AttributeOptions attribute, ParseOptions(options));
  std::optional<verify::IdForm> form;
  if (!options.ids.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(form, verify::ParseIdForm(options.ids));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(Profile profile, LoadProfile(options.profile));
  VERDIGRIS_ASSIGN_OR_RETURN(std::vector<KeyFile> shared, LoadLayerKeys(options.keys, options.secrets, profile, options.profile, hint));
  Setup setup{std::move(profile), std::move(shared), {}, {}, {}, nullptr, form, attribute, {}};
  for (const KeyFile& key : setup.shared) {
    if (key.role == KeyRole::kAccount) return Fail(ErrorKind::kMismatch, "--key is for the provider and the selector key: account keys go with --keys");
  }
  VERDIGRIS_RETURN_IF_ERROR(LoadAccounts(options, setup, hint));
  if (setup.profile.has_provider_layer() && setup.Shared(KeyRole::kProvider) == nullptr) {
    setup.warnings.push_back({"without_provider", 1, "the provider key was not given: accounts are tested without asking its layer first"});
  }
  if (setup.form) return setup;
  auto tokenizer = FindTokenizer(setup.profile, options.profile, options.tokenizer, options.allow_tokenizer_mismatch);
  if (!tokenizer) {
    if (tokenizer.error().kind == ErrorKind::kNotFound && options.tokenizer.empty()) hint = "give --tokenizer FILE, or token ids with --ids";
    return Unexpected(tokenizer.error());
  }
  setup.tokenizer = std::move(*tokenizer);
  if (setup.tokenizer->digest() != setup.profile.tokenizer_sha256()) {
    setup.warnings.push_back({"tokenizer_mismatch", 1, "sha256 of the tokenizer is " + Hex(setup.tokenizer->digest()) + ", the profile has " + Hex(setup.profile.tokenizer_sha256())});
  }
  return setup;
}

// The texts of one input.
Result<void> ReadTexts(const Setup& setup, const std::string& path, const std::function<Result<void>(const std::string&, const std::vector<uint32_t>&)>& add) {
  if (!setup.form) {
    return ReadDocuments(path, [&](std::string_view document, const std::string& name) -> Result<void> {
      auto ids = IdsOf(*setup.tokenizer, document);
      if (!ids) return InFile(name, ids.error());
      return add(name, *ids);
    });
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, verify::ReadFile(path, kMaxIdBytes));
  auto texts = verify::ParseTokenIds(bytes, *setup.form);
  if (!texts) return InFile(path, texts.error());
  for (size_t i = 0; i < texts->size(); ++i) {
    VERDIGRIS_RETURN_IF_ERROR(add(*setup.form == verify::IdForm::kJson ? path + ":" + std::to_string(i + 1) : path, (*texts)[i]));
  }
  return {};
}

void AddText(const Setup& setup, const std::vector<uint32_t>& ids, uint64_t record, verify::Evidence& evidence) {
  std::vector<PositionState> states;
  ClassifyPositions(ids, setup.profile.window(), setup.profile.special_ids(), setup.options.rule, states);
  evidence.AddText(ids, states, record, nullptr);
}

// ---- one finding

struct Judged {
  verify::Verdict verdict;
  double effect, power;  // of the test that decides: the gate where it is shut, else one account's
};

Judged VerdictOf(const Setup& setup, const verify::Attribution& found) {
  const NullLaw law = setup.profile.scheme().null_law(setup.profile);
  const double effect = setup.profile.scheme().reference_effect(setup.profile), log10_alpha = std::log10(setup.options.alpha);
  const double power = found.accounts_tested ? verify::PowerAt(law, found.n, effect, log10_alpha - std::log10(static_cast<double>(found.family)))
                                             : verify::PowerAt(law, found.provider->n, effect, log10_alpha);
  if (found.named > 0) return {verify::Verdict::kDetected, effect, power};
  return {power >= 0.9 ? verify::Verdict::kNotDetected : verify::Verdict::kInconclusive, effect, power};
}

size_t Listed(const verify::Attribution& found) { return std::min(found.least.size(), found.named + kNext); }

std::string AttributionJson(const Setup& setup, const std::string& input, const verify::Attribution& found, const Judged& judged) {
  nlohmann::ordered_json json = {{"schema", "verdigris.attribution/1"}, {"input", input}, {"verdict", verify::VerdictName(judged.verdict)}, {"alpha", setup.options.alpha},
                                 {"scheme", setup.profile.scheme().name}, {"scheme_id", Hex(setup.profile.scheme_id())}, {"profile", Hex(setup.profile.digest())},
                                 {"rule", setup.options.rule == Rule::kFirst ? "first" : "tuple"}};
  if (found.provider) {
    json["provider"] = {{"kid", setup.Shared(KeyRole::kProvider)->kid()}, {"n", found.provider->n}, {"s", verify::DecimalText(found.provider->statistic)},
                        {"log10_p", found.provider->log10_p}, {"detected", found.provider->detected}};
  }
  json["accounts"] = {{"n", found.n}, {"tested", found.accounts}, {"family", found.family}, {"dropped", found.dropped}, {"named", found.named}};
  json["named"] = nlohmann::ordered_json::array();
  json["next"] = nlohmann::ordered_json::array();
  for (size_t i = 0; i < Listed(found); ++i) {
    const verify::Attribution::Account& account = found.least[i];
    json[account.named ? "named" : "next"].push_back({{"account", account.label}, {"kid", account.kid}, {"s", verify::DecimalText(account.statistic)},
                                                      {"log10_p", account.log10_p}, {"log10_adjusted", account.log10_adjusted},
                                                      {"log10_p_family", verify::Log10Bonferroni(account.log10_p, found.family)},
                                                      {"log10_odds", verify::Log10PosteriorOdds(account.log10_p, kPrior, kPower)}});
  }
  json["power"] = {{"effect", judged.effect}, {"at_this_length", judged.power}};
  json["warnings"] = nlohmann::ordered_json::array();
  for (const verify::Warning& warning : setup.warnings) json["warnings"].push_back({{"code", warning.code}, {"count", warning.count}, {"text", warning.text}});
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string Odds(double log10_odds) {
  char text[32];
  if (log10_odds > 6) return "above 10^6";
  std::snprintf(text, sizeof text, "%.2g", std::pow(10, log10_odds));
  return text;
}

std::string AttributionText(const Setup& setup, const std::string& input, const verify::Attribution& found, const Judged& judged) {
  const auto p = [](double log10_p) { return "10^" + verify::FourPlacesUp(log10_p); };
  const std::string alpha = PrintReal(setup.options.alpha);
  std::string out = (input == "-" ? "standard input" : Printable(input)) + ": ";
  if (found.named > 0) out += std::to_string(found.named) + " of " + std::to_string(found.family) + " accounts named at alpha " + alpha;
  else out += std::string("no account named at alpha ") + alpha + (judged.verdict == verify::Verdict::kInconclusive ? ": too little text, so nothing follows either way" : "; this is no evidence that the text is unrelated");
  out += "\n";
  if (found.provider) {
    out += "  provider      p " + p(found.provider->log10_p) + ", " + std::to_string(found.provider->n) + " scored" +
           (found.provider->detected ? "" : found.accounts_tested ? "; not detected" : "; not detected, so no account was tested") + "\n";
  }
  if (found.accounts_tested) {
    out += "  accounts      " + std::to_string(found.accounts) + " tested on " + std::to_string(found.n) + " tokens, " + std::to_string(found.dropped) + " given up early; level for " +
           std::to_string(found.family) + "\n";
  }
  for (size_t i = 0; i < Listed(found); ++i) {
    const verify::Attribution::Account& account = found.least[i];
    out += std::string(account.named ? "  named         " : "  next          ") + account.label + ", key " + account.kid + ": p " + p(account.log10_p) + ", " + p(account.log10_adjusted) +
           " after allowing for all accounts";
    if (account.named) out += "; odds " + Odds(verify::Log10PosteriorOdds(account.log10_p, kPrior, kPower)) + " at prior odds of 1 to 10,000";
    out += "\n";
  }
  if (found.named == 0) out += "  power         " + Percent(judged.power) + " of marked texts of this length (1.2 bit a token) would be detected\n";
  for (const verify::Warning& warning : setup.warnings) out += "  warning       " + warning.code + ": " + warning.text + "\n";
  if (found.named > 0) {
    out += "  limit         Shared logins, resellers and reposts are not excluded: this is no statement about the person who holds the account.\n";
  }
  return out + "  limit         " + kFirstLimit + "\n";
}

Result<ExitCode> AttributeSuspect(const Options& options, Context& context) {
  if (!context.files.empty()) return Usage("--investigation stands for the inputs: give no file beside it");
  if (options.filters.empty()) return Usage("--investigation needs --filters DIR: accounts of a suspect model are tested inside their filters");
  if (!options.alpha.empty() || !options.ids.empty() || options.pooled || options.without_provider) {
    return Usage("--alpha, --ids, --pooled and --without-provider are for texts: an investigation has its plan");
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::AttributeOptions parsed, ParseOptions(options));
  VERDIGRIS_ASSIGN_OR_RETURN(Profile profile, LoadProfile(options.profile));
  if (!profile.has_account_layer()) return Fail(ErrorKind::kMismatch, "the profile has no account layer");
  VERDIGRIS_ASSIGN_OR_RETURN(std::vector<KeyFile> shared, LoadLayerKeys(options.keys, options.secrets, profile, options.profile, context.hint));
  Setup setup{std::move(profile), std::move(shared), {}, {}, {}, nullptr, {}, parsed, {}};
  VERDIGRIS_RETURN_IF_ERROR(LoadAccounts(options, setup, context.hint));
  ModelAttribution request;
  request.arguments.profile = options.profile;
  request.arguments.tokenizer = options.tokenizer;
  request.arguments.keys = options.keys;
  request.arguments.answers = options.answers;
  request.arguments.references = options.references;
  request.arguments.stated_free = options.stated_free;
  request.arguments.allow_tokenizer_mismatch = options.allow_tokenizer_mismatch;
  request.arguments.secrets = options.secrets;
  request.folder = options.investigation;
  request.filters = options.filters;
  request.clusters = options.clusters;
  request.family = parsed.family;
  request.json = options.json;
  return AttributeModel(request, setup.Accounts(), context);
}

Result<ExitCode> AttributeTexts(const Options& options, Context& context) {
  if (!options.filters.empty() || !options.clusters.empty() || !options.answers.empty() || !options.references.empty() || !options.stated_free.empty()) {
    return Usage("--filters, --clusters, --answers, --reference and --stated-free belong to --investigation");
  }
  if (context.files.empty()) return Usage("no input: name a file, or - for standard input");
  VERDIGRIS_ASSIGN_OR_RETURN(const Setup setup, MakeSetup(options, context.hint));
  Outcome outcome;
  const auto judge = [&](const std::string& name, const verify::Evidence& evidence) -> Result<void> {
    auto found = verify::Attribute(setup.profile, setup.Shared(KeyRole::kProvider), setup.Shared(KeyRole::kSelector), setup.Accounts(), evidence, setup.options);
    if (!found) return Unexpected(found.error());
    const Judged judged = VerdictOf(setup, *found);
    context.out.Write(options.json ? AttributionJson(setup, name, *found, judged) : AttributionText(setup, name, *found, judged));
    outcome.detected |= judged.verdict == verify::Verdict::kDetected;
    outcome.inconclusive |= judged.verdict == verify::Verdict::kInconclusive;
    return {};
  };
  VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<std::string> paths, FilesUnder(context.files));
  verify::Evidence corpus(setup.profile.window());
  uint64_t records = 0;
  for (size_t i = 0; i < paths.size() && !context.out.lost(); ++i) {
    // What is wrong with keys or options ends the run; what is wrong with an input ends that input.
    std::optional<Error> fatal;
    const auto add = [&](const std::string& name, const std::vector<uint32_t>& ids) -> Result<void> {
      if (auto checked = CheckIds(ids); !checked) return InFile(name, checked.error());
      if (options.pooled) {
        AddText(setup, ids, records++, corpus);
        return {};
      }
      verify::Evidence evidence(setup.profile.window());
      AddText(setup, ids, /*record=*/0, evidence);
      auto judged = judge(name, evidence);
      if (!judged) fatal = judged.error();
      return judged;
    };
    const auto read = ReadTexts(setup, paths[i], add);
    if (fatal) {
      if (fatal->kind == ErrorKind::kFailedPrecondition) context.hint = "give it with another --key";
      return Unexpected(*fatal);
    }
    if (read) continue;
    PrintError(read.error());
    outcome.failed = true;
  }
  // A corpus with a hole is not the corpus that was asked about.
  if (options.pooled && !outcome.failed) VERDIGRIS_RETURN_IF_ERROR(judge(std::to_string(records) + " texts", corpus));
  return outcome.code();
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--profile", options->profile, "profile that marked and judging side share")->type_name("FILE")->required();
  app.add_option("--key", options->keys, "provider and selector key; once for each")->type_name("FILE")->allow_extra_args(false);
  app.add_option("--keys", options->account_keys, "account keys: a file, or a folder of *.key")->type_name("PATH")->allow_extra_args(false);
  app.add_option("--epoch-key", options->epoch_key, "derive account keys from this one instead")->type_name("FILE");
  app.add_option("--labels", options->labels, "the accounts to derive, a label a line")->type_name("FILE");
  app.add_option("--investigation", options->investigation, "a suspect model instead of texts")->type_name("DIR");
  app.add_option("--filters", options->filters, "filters of its accounts, LABEL.filter")->type_name("DIR");
  app.add_option("--clusters", options->clusters, "accounts that may be one hand")->type_name("FILE");
  app.add_option("--answers", options->answers, "its answers, collected elsewhere")->type_name("FILE")->allow_extra_args(false);
  app.add_option("--reference", options->references, "what a reference says")->type_name("NAME=PATH")->allow_extra_args(false);
  app.add_option("--stated-free", options->stated_free, "its owner states: no marked text in it")->type_name("NAME")->allow_extra_args(false);
  app.add_option("--family", options->family, "accounts of the epoch, if more than given")->type_name("N");
  app.add_option("--alpha", options->alpha, "false-positive rate for all together (1e-6)")->type_name("P");
  app.add_option("--rule", options->rule, "score first windows, or all tuples (first)")->type_name("first|tuple");
  app.add_flag("--pooled", options->pooled, "all inputs are one corpus");
  app.add_flag("--without-provider", options->without_provider, "go on where the provider's layer shows nothing");
  app.add_option("--ids", options->ids, "inputs are token ids, not text")->type_name("text|json|u16|u32");
  app.add_option("--tokenizer", options->tokenizer, "tokenizer, if not beside the profile")->type_name("FILE");
  app.add_flag("--allow-tokenizer-mismatch", options->allow_tokenizer_mismatch, "take a tokenizer of another digest");
  app.add_flag("--json", options->json, "one JSON document a text, a line each");
  AddSecretOptions(app, options->secrets);
  return [options](Context& context) { return options->investigation.empty() ? AttributeTexts(*options, context) : AttributeSuspect(*options, context); };
}

}  // namespace

const Verb kAttribute = {"attribute",
                         "tests which of many accounts a text or a model is related to",
                         "--profile FILE --key FILE --keys DIR [--investigation DIR --filters DIR] [options] [PATH...|-]",
                         "verdigris attribute --profile p.json --key provider.key --key selector.key \\\n    --keys accounts/ answer.txt",
                         true,
                         Add,
                         "exit status: 0 named, 1 nobody named, 5 too little text, 3 an input failed"};

}  // namespace verdigris::tools
