// Tested by tests/cli/attribute_model.sh.
#include "tools/attribute_model.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <nlohmann/json.hpp>
#include <openssl/crypto.h>

#include "tools/investigate.h"
#include "tools/terminal/message.h"
#include "tools/terminal/printable.h"
#include "verify/suspect/account_trial.h"

namespace verdigris::tools {
namespace {

using Row = verify::AccountsFinding::Row;

constexpr const char* kAccountLimit =
    "Text served to this account was used in training, directly or through others. Shared logins, resellers and reposts are not excluded. "
    "This is no statement about the person who holds it.";

// The test of the plan whose rule and texts the accounts' tests take: a supervised one of an account, else the first.
const verify::InvestigationTest& ModelTest(const verify::InvestigationContent& content) {
  const auto supervised = std::find_if(content.tests.begin(), content.tests.end(), [](const auto& test) { return test.filter_sha256.has_value(); });
  return supervised != content.tests.end() ? *supervised : content.tests.front();
}

Result<std::vector<verify::AccountTest>> TestAccounts(const verify::AccountTrials& trials, const ModelAttribution& request, const verify::AccountSource& accounts) {
  std::vector<verify::AccountTest> tests;
  struct Wiped {
    uint8_t bytes[kKeyBytes];
    ~Wiped() { OPENSSL_cleanse(bytes, sizeof bytes); }
  } key;
  std::string label;
  for (;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, accounts(label, key.bytes));
    if (!more) return tests;
    const std::string path = request.filters + "/" + FilterFileName(label);
    // One filter at a time: those of an epoch may be larger than memory.
    std::optional<verify::Filter> filter;
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) {
      VERDIGRIS_ASSIGN_OR_RETURN(filter, LoadFilter(path, request.arguments.secrets.insecure_permissions));
    }
    auto test = verify::TestAccount(trials, label, key.bytes, filter ? &*filter : nullptr);
    if (!test) return InFile(path, test.error());
    tests.push_back(std::move(*test));
  }
}

nlohmann::ordered_json RowJson(const Row& row, const verify::AccountTest& account) {
  nlohmann::ordered_json json = {{"account", account.label}, {"kid", account.kid}, {"scored", account.scored}, {"windows", account.windows}, {"log10_p", row.log10_p},
                                 {"log10_adjusted", row.log10_adjusted}, {"log10_p_family", row.log10_family}, {"in_record", row.in_record},
                                 {"log10_e", row.ln_e / std::log(10)}, {"log10_odds", row.log10_odds}};
  if (row.matched) json["matched"] = {{"count", row.matched->count}, {"least_log10_p", row.matched->least_log10_p}, {"greatest_log10_p", row.matched->greatest_log10_p}};
  return json;
}

std::string TenTo(double log10_p) { return "10^" + verify::FourPlacesUp(log10_p); }

std::string Text(const verify::SuspectFinding& finding, const verify::AccountsFinding& found, const std::vector<verify::AccountTest>& tests, double alpha) {
  std::string out = Printable(finding.input) + ": " + (found.named == 0 ? "no account" : std::to_string(found.named) + " of " + std::to_string(found.m) + " accounts") + " named at alpha " + PrintReal(alpha) + "\n";
  if (finding.verdict == verify::SuspectVerdict::kRefused) {
    out += "  refused       " + finding.why + "\n";
  } else {
    out += "  provider      p " + TenTo(found.gate_log10_p) + (found.gate_open ? "" : ": not detected, so no account was tested") + "\n";
  }
  if (found.gate_open) out += "  accounts      " + std::to_string(found.tested) + " tested, " + std::to_string(found.without_filter) + " without a filter; the others have p = 1 and count\n";
  for (const Row& row : found.rows) {
    const verify::AccountTest& account = tests[row.index];
    out += std::string(row.named ? "  named         " : "  next          ") + account.label + ", key " + account.kid + ": p " + TenTo(row.log10_p) + ", " + TenTo(row.log10_adjusted) +
           " after allowing for all accounts; " + std::to_string(account.scored) + " scored in " + std::to_string(account.windows) + " windows served\n";
    if (row.named && !row.in_record) out += "                a signed record, which multiplies by all accounts, would not name it\n";
    if (row.matched) {
      out += "  matched       " + std::to_string(row.matched->count) + " accounts of like volume: p " + TenTo(row.matched->least_log10_p) + " to " + TenTo(row.matched->greatest_log10_p) + "\n";
    }
  }
  if (found.named > 0) out += std::string("  limit         ") + kAccountLimit + "\n";
  return out + "  limit         An account that is not named may have been used: this is no sign of independence.\n";
}

}  // namespace

Result<ExitCode> AttributeModel(const ModelAttribution& request, const verify::AccountSource& accounts, Context& context) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(request.filters, ignored)) return Fail(ErrorKind::kNotFound, request.filters + ": no folder");
  VERDIGRIS_ASSIGN_OR_RETURN(const auto opened, OpenToWork(request.folder, /*reason=*/"", context));
  if (!opened) return kExitNo;
  VERDIGRIS_ASSIGN_OR_RETURN(const auto loaded, LoadCase(request.arguments, opened->files, context.hint));
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::SuspectFinding finding, verify::JudgeInvestigation(loaded->inputs));
  const verify::InvestigationTest& model = ModelTest(opened->files.investigation.content());
  verify::AccountsOptions options;
  options.alpha = std::pow(10, finding.log10_alpha);
  options.family = request.family;
  options.min_scored = opened->files.plan->min_scored;
  // Of a refused finding no number may be quoted, so it opens no gate.
  const bool refused = finding.verdict == verify::SuspectVerdict::kRefused;
  const double gate = refused ? 0 : verify::Log10PofLayer(finding, Layer::kProvider, "");
  std::vector<verify::AccountTest> tests;
  if (verify::GateOpens(gate, options.alpha)) {
    VERDIGRIS_ASSIGN_OR_RETURN(const verify::GatheredEvidence gathered, verify::GatherFor(loaded->inputs, model));
    VERDIGRIS_ASSIGN_OR_RETURN(const verify::TrialOptions trial, verify::OptionsOf(loaded->inputs, model, gathered.strict));
    std::vector<const KeyFile*> shared;
    for (const KeyFile& key : loaded->keys) {
      if (key.role != KeyRole::kAccount) shared.push_back(&key);
    }
    VERDIGRIS_ASSIGN_OR_RETURN(const Layers layers, Layers::Create(loaded->profile, shared));
    if (loaded->profile.needs_selector() && !layers.has_selector()) return Fail(ErrorKind::kFailedPrecondition, "the selector key is missing: both layers share this profile's positions");
    const verify::AccountTrials trials{loaded->profile, layers, gathered.evidence, trial, options.min_scored};
    VERDIGRIS_ASSIGN_OR_RETURN(tests, TestAccounts(trials, request, accounts));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::AccountsFinding found, verify::JudgeAccounts(gate, tests, /*clusters=*/{}, options));
  const bool detected = found.named > 0;
  const bool inconclusive = !detected && (found.gate_open || finding.verdict == verify::SuspectVerdict::kInconclusive);
  if (request.json) {
    nlohmann::ordered_json json = {{"schema", "verdigris.model-attribution/1"}, {"input", finding.input}, {"suspect", finding.suspect},
                                   {"verdict", refused ? "refused" : detected ? "detected" : inconclusive ? "inconclusive" : "not_detected"}, {"alpha", options.alpha},
                                   {"plan", Hex(finding.plan_digest)}, {"test", verify::RuleName(model.rule)}};
    if (!refused) json["gate"] = {{"log10_p", gate}, {"open", found.gate_open}};
    else json["refused_by"] = finding.refused_by;
    json["accounts"] = {{"given", found.accounts}, {"family", found.m}, {"tested", found.tested}, {"without_filter", found.without_filter}, {"named", found.named}};
    json["named"] = nlohmann::ordered_json::array();
    json["next"] = nlohmann::ordered_json::array();
    for (const Row& row : found.rows) json[row.named ? "named" : "next"].push_back(RowJson(row, tests[row.index]));
    json["deviations"] = finding.deviations;
    context.out.Write(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  } else {
    context.out.Write(Text(finding, found, tests, options.alpha));
  }
  return detected ? kExitYes : inconclusive ? kExitUndecided : kExitNo;
}

}  // namespace verdigris::tools
