// Tested by tests/cli/attribute_model.sh.
#include "tools/attribute_model.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>
#include <set>
#include <unordered_map>

#include <nlohmann/json.hpp>
#include <openssl/crypto.h>

#include "tools/investigate.h"
#include "tools/terminal/message.h"
#include "tools/terminal/printable.h"
#include "verify/file.h"
#include "verify/members.h"
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

constexpr size_t kMaxClusters = size_t{1} << 16, kMaxClusterLine = size_t{16} << 20;

// JSON lines {"accounts":["acct-7","acct-8"],"cluster":"payer-12"}, of accounts that were given. Each is tested under its own key.
Result<std::vector<verify::Cluster>> ReadClusters(const std::string& path, const std::vector<verify::AccountTest>& accounts) {
  std::unordered_map<std::string_view, size_t> places;
  for (size_t i = 0; i < accounts.size(); ++i) places.emplace(accounts[i].label, i);
  VERDIGRIS_ASSIGN_OR_RETURN(verify::LineReader reader, verify::LineReader::Open(path, kMaxClusterLine));
  std::vector<verify::Cluster> clusters;
  std::set<std::string> names;
  std::string_view line;
  for (;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader.Next(line));
    if (!more) break;
    const auto fault = [&](ErrorKind kind, const std::string& why) { return Fail(kind, reader.Place() + ": " + why); };
    const auto json = ParseJson(line);
    if (!json) return InFile(reader.Place(), json.error());
    verify::Members members(*json, "");
    verify::Cluster cluster;
    cluster.name = members.Text("cluster", 1, 64);
    const std::vector<std::string> labels = members.Texts("accounts", accounts.size(), 64);
    if (auto done = members.Done(); !done) return InFile(reader.Place(), done.error());
    if (!names.insert(cluster.name).second) return fault(ErrorKind::kMismatch, "cluster " + Shown(cluster.name) + " is listed twice");
    for (const std::string& label : labels) {
      const auto at = places.find(label);
      if (at == places.end()) return fault(ErrorKind::kMismatch, Shown(label) + " is none of the accounts given");
      cluster.members.push_back(at->second);
    }
    if (cluster.members.empty()) return fault(ErrorKind::kMalformed, "`accounts` must not be empty");
    if (clusters.size() == kMaxClusters) return fault(ErrorKind::kLimit, "more than " + std::to_string(kMaxClusters) + " clusters");
    clusters.push_back(std::move(cluster));
  }
  if (clusters.empty()) return Fail(ErrorKind::kMalformed, path + ": no cluster");
  return clusters;
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
    const std::string path = request.filters + "/" + verify::FileNameOf(label) + ".filter";
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

// What is judged: accounts, and clusters of them.
struct Judged {
  std::vector<verify::AccountTest> accounts;
  std::vector<verify::Cluster> clusters;
};

std::string_view CombinedBy(const Row& row) { return row.kind == verify::AccountsFinding::Kind::kClusterMean ? "mean" : "product"; }

nlohmann::ordered_json RowJson(const Row& row, const Judged& judged) {
  nlohmann::ordered_json json;
  if (row.kind == verify::AccountsFinding::Kind::kAccount) {
    const verify::AccountTest& account = judged.accounts[row.index];
    json = {{"account", account.label}, {"kid", account.kid}, {"scored", account.scored}, {"windows", account.windows}};
  } else {
    const verify::Cluster& cluster = judged.clusters[row.index];
    json = {{"cluster", cluster.name}, {"combined", CombinedBy(row)}, {"members", cluster.members.size()}};
  }
  json.update({{"log10_p", row.log10_p}, {"log10_adjusted", row.log10_adjusted}, {"log10_p_family", row.log10_family}, {"in_record", row.in_record},
               {"log10_e", row.ln_e / std::numbers::ln10}, {"log10_odds", row.log10_odds}});
  if (row.matched) json["matched"] = {{"count", row.matched->count}, {"least_log10_p", row.matched->least_log10_p}, {"greatest_log10_p", row.matched->greatest_log10_p}};
  return json;
}

std::string TenTo(double log10_p) { return "10^" + verify::FourPlacesUp(log10_p); }

std::string Text(const verify::SuspectFinding& finding, const verify::AccountsFinding& found, const Judged& judged, double alpha) {
  const std::string all = judged.clusters.empty() ? " accounts" : " accounts and entries of clusters";
  std::string out = Printable(finding.input) + ": " + (found.named == 0 ? "no account" : std::to_string(found.named) + " of " + std::to_string(found.m) + all) + " named at alpha " + PrintReal(alpha) + "\n";
  if (finding.verdict == verify::SuspectVerdict::kRefused) {
    out += "  refused       " + finding.why + "\n";
  } else {
    out += "  provider      p " + TenTo(found.gate_log10_p) + (found.gate_open ? "" : ": not detected, so no account was tested") + "\n";
  }
  if (found.gate_open) out += "  accounts      " + std::to_string(found.tested) + " tested, " + std::to_string(found.without_filter) + " without a filter; the others have p = 1 and count\n";
  for (const Row& row : found.rows) {
    const std::string ps = ": p " + TenTo(row.log10_p) + ", " + TenTo(row.log10_adjusted) + " after allowing for all accounts; ";
    out += row.named ? "  named         " : "  next          ";
    if (row.kind == verify::AccountsFinding::Kind::kAccount) {
      const verify::AccountTest& account = judged.accounts[row.index];
      out += account.label + ", key " + account.kid + ps + std::to_string(account.scored) + " scored in " + std::to_string(account.windows) + " windows served\n";
    } else {
      const verify::Cluster& cluster = judged.clusters[row.index];
      out += "cluster " + Printable(cluster.name) + ps + std::string(CombinedBy(row)) + " of the e-values of " + std::to_string(cluster.members.size()) + " accounts\n";
    }
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
  Judged judged;
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
    VERDIGRIS_ASSIGN_OR_RETURN(judged.accounts, TestAccounts(trials, request, accounts));
    if (!request.clusters.empty()) {
      VERDIGRIS_ASSIGN_OR_RETURN(judged.clusters, ReadClusters(request.clusters, judged.accounts));
    }
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::AccountsFinding found, verify::JudgeAccounts(gate, judged.accounts, judged.clusters, options));
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
    for (const Row& row : found.rows) json[row.named ? "named" : "next"].push_back(RowJson(row, judged));
    json["deviations"] = finding.deviations;
    context.out.Write(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  } else {
    context.out.Write(Text(finding, found, judged, options.alpha));
  }
  return detected ? kExitYes : inconclusive ? kExitUndecided : kExitNo;
}

}  // namespace verdigris::tools
