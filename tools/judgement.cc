// Errors of options come before those of files, so that a mistyped line never waits for a slow disk. Tested by tests/cli/detect_*.sh.
#include "tools/judgement.h"

#include <algorithm>

#include "verify/content.h"
#include "verify/file.h"
#include "watermark/json.h"  // Utf8SequenceLength

namespace verdigris::tools {
namespace {

constexpr std::string_view kBothVariants = "as-is,normalised";
constexpr size_t kMaxProxyBytes = size_t{256} << 20;

Result<verify::JudgeOptions> ParseOptions(const JudgeArguments& arguments, bool needs_tokenizer) {
  verify::JudgeOptions options;
  VERDIGRIS_ASSIGN_OR_RETURN(options.alpha, ParseAlpha(arguments.alpha));
  VERDIGRIS_ASSIGN_OR_RETURN(options.rule, ParseRule(arguments.rule));
  using Test = verify::JudgeOptions::Test;
  static constexpr std::pair<std::string_view, Test> kTests[] = {
      {"fixed", Test::kFixed}, {"anytime", Test::kAnytime}, {"localized", Test::kLocalized}, {"combined", Test::kCombined}, {"proxy", Test::kProxy}};
  const auto* test = std::find_if(std::begin(kTests), std::end(kTests), [&](const auto& t) { return t.first == arguments.test; });
  if (test == std::end(kTests)) return Usage("--test must be fixed, anytime, localized, combined or proxy, got " + Shown(arguments.test));
  options.test = test->second;
  if (arguments.variants != verify::kAsIs) {
    if (arguments.variants != kBothVariants) return Usage("--variants must be as-is or as-is,normalised, got " + Shown(arguments.variants));
    // A line-up ranks one test, and numbers of a file are for the tokens of one text.
    if (arguments.decoys != "0") return Usage("--decoys need one test: leave out --variants");
    if (!arguments.proxy.empty() && arguments.proxy != "pocket") return Usage("--proxy FILE is for the tokens of one text: leave out --variants");
  }
  if (options.test == Test::kProxy && arguments.proxy.empty()) return Usage("--test proxy needs --proxy pocket, or --proxy FILE");
  if (arguments.variants == kBothVariants && !needs_tokenizer) return Usage("--variants are of a text: token ids have none");
  return options;
}

Result<verify::JudgeKeys> JudgeKeysOf(const JudgeArguments& arguments, const Profile& profile, const std::vector<KeyFile>& keys, std::string& hint) {
  auto judge_keys = verify::JudgeKeys::Create(profile, Pointers(keys), arguments.without_selector);
  if (!judge_keys && judge_keys.error().kind == ErrorKind::kFailedPrecondition) {
    hint = "give it with another --key, or test without it by --without-selector";
  }
  return judge_keys;
}

Result<void> SetProxy(const JudgeArguments& arguments, Judge& judge, std::string& hint) {
  VERDIGRIS_ASSIGN_OR_RETURN(judge.proxy_temperature, ParseReal("--proxy-temperature", arguments.proxy_temperature));
  if (!(judge.proxy_temperature > 0 && judge.proxy_temperature <= 100)) {
    return Usage("--proxy-temperature must be in (0,100], got " + Shown(arguments.proxy_temperature));
  }
  if (arguments.proxy == "pocket") {
    VERDIGRIS_ASSIGN_OR_RETURN(judge.pocket, LoadPocketModel(judge.profile(), arguments.profile, hint));
  } else if (!arguments.proxy.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string text, verify::ReadFile(arguments.proxy, kMaxProxyBytes));
    auto numbers = verify::ParseLogProbabilities(text);
    if (!numbers) return InFile(arguments.proxy, numbers.error());
    judge.proxy_numbers = std::move(*numbers);
  }
  return {};
}

uint64_t IllFormedBytes(std::string_view document) {
  uint64_t count = 0;
  while (!document.empty()) {
    const size_t length = Utf8SequenceLength(document);
    count += length == 0;
    document.remove_prefix(std::max<size_t>(length, 1));
  }
  return count;
}

// The line-up of the key of a finding's one layer with decoys made from the input.
Result<verify::DecoyRank> RankAmongDecoys(const Judge& judge, const verify::JudgeKeys::Test& test, const verify::Finding& finding,
                                          std::span<const uint32_t> ids, const verify::JudgeOptions& options, const Digest& input_sha256) {
  const Profile& profile = judge.profile();
  const verify::LayerResult& layer = finding.layers.front();
  const auto key = std::find_if(judge.key_files.begin(), judge.key_files.end(), [&](const KeyFile& file) { return file.kid() == layer.kid; });
  if (finding.layers.size() != 1 || key == judge.key_files.end()) return Usage("--decoys stand in for one key: give that of one layer");
  verify::Evidence evidence(profile.window());
  evidence.AddText(ids, verify::PositionsOf(profile, ids, options), /*record=*/0, nullptr);
  const verify::Tuples tuples = judge.keys.without_selector() ? verify::TuplesOf(evidence) : verify::TuplesOf(evidence, profile, test.layers, layer.layer);
  VERDIGRIS_ASSIGN_OR_RETURN(verify::KeyScorer scorer, verify::KeyScorer::Create(profile, tuples));
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::LineUp line_up, verify::RunLineUp(scorer, key->key, verify::DecoyKeys({}, input_sha256), judge.decoys));
  if (!line_up.law.passed) return Fail(ErrorKind::kFailedPrecondition, std::string(verify::kLawDoesNotHold));
  return line_up.rank;
}

// `tokens`: of each variant of the input, the text as it is first.
Result<Judged> JudgeTokens(const Judge& judge, const std::string& name, std::span<const uint8_t> input, std::vector<std::vector<verify::Token>> tokens) {
  Judged judged;
  judged.tokens = std::move(tokens);
  std::vector<std::vector<uint32_t>> ids;
  std::vector<std::vector<double>> ln_q(judged.tokens.size());
  std::vector<verify::Variant> variants;
  for (size_t v = 0; v < judged.tokens.size(); ++v) {
    ids.emplace_back();
    for (const verify::Token& token : judged.tokens[v]) ids[v].push_back(token.id);
    if (judge.pocket) {
      VERDIGRIS_ASSIGN_OR_RETURN(ln_q[v], LogProbabilitiesOf(*judge.pocket, ids[v], judge.proxy_temperature));
    } else if (judge.proxy_numbers) {
      if (auto fits = verify::CheckCount(*judge.proxy_numbers, ids[v].size()); !fits) return InFile(name, fits.error());
      ln_q[v] = judge.proxy_numbers->ln_q;
    }
  }
  for (size_t v = 0; v < ids.size(); ++v) {
    variants.push_back({!judge.both_variants ? "" : v == 0 ? verify::kAsIs : verify::kNormalised, ids[v], ln_q[v]});
  }
  verify::JudgeOptions options = judge.options;
  if (judge.stop_list) options.stop_list = &*judge.stop_list;
  const Digest input_sha256 = Sha256(input);
  if (judge.calibration) {
    std::vector<std::string> kids;
    for (const KeyFile& key : judge.key_files) {
      if (key.role == KeyRole::kProvider || key.role == KeyRole::kAccount) kids.push_back(key.kid());
    }
    verify::ContentDigest content;
    content.Add(input);
    auto tried = verify::KeysTried(*judge.calibration, judge.profile(), kids, content.Value(), {&input_sha256, 1});
    if (!tried) return InFile(name, tried.error());
    options.tried = *tried;
  }
  auto results = verify::JudgeVariants(judge.keys, variants, options, judge.traces);
  if (!results) return InFile(name, results.error());
  judged.results = std::move(*results);
  for (size_t i = 0; i < judged.results.findings.size(); ++i) {
    verify::Finding& finding = judged.results.findings[i];
    finding.input = name;
    if (judge.decoys > 0) {
      auto rank = RankAmongDecoys(judge, judge.keys.tests()[i], finding, ids.front(), options, input_sha256);
      if (!rank) return InFile(name, rank.error());
      finding.decoys = *rank;
    }
    finding.warnings.insert(finding.warnings.begin(), judge.warnings.begin(), judge.warnings.end());
    if (judge.tokenizer == nullptr || !finding.localized) continue;
    const std::span<const verify::Token> of_finding = judged.tokens_of(i);
    for (verify::MarkedSegment& segment : finding.localized->segments) {
      segment.bytes = {of_finding[segment.first].begin, of_finding[segment.last - 1].end};
    }
  }
  return judged;
}

}  // namespace

void AddJudgeOptions(CLI::App& app, JudgeArguments& arguments) {
  app.add_option("--profile", arguments.profile, "profile that marked and judging side share")->type_name("FILE")->required();
  app.add_option("--key", arguments.keys, "provider, selector or account key; once for each")
      ->type_name("FILE")->required()->allow_extra_args(false);
  app.add_option("--tokenizer", arguments.tokenizer, "tokenizer, if not beside the profile")->type_name("FILE");
  app.add_option("--alpha", arguments.alpha, "false-positive rate asked for (1e-6)")->type_name("P");
  app.add_option("--rule", arguments.rule, "score first windows, or all tuples (first)")->type_name("first|tuple");
  app.add_option("--test", arguments.test, "fixed, anytime, localized, combined or proxy (fixed)")->type_name("TEST");
  app.add_option("--variants", arguments.variants, "test it without hidden edits too (as-is)")->type_name("as-is[,normalised]");
  app.add_option("--decoys", arguments.decoys, "a line-up with N keys that nobody used (0)")->type_name("N");
  app.add_option("--calibration", arguments.calibration, "that these keys come out of: counts them")->type_name("FILE");
  app.add_option("--stop-list", arguments.stop_list, "of calibrate: tuples to leave out")->type_name("FILE");
  app.add_option("--proxy", arguments.proxy, "weigh tokens by a model: pocket, or its ln p in FILE")->type_name("pocket|FILE");
  app.add_option("--proxy-temperature", arguments.proxy_temperature, "of the pocket model (1)")->type_name("T");
  app.add_flag("--without-selector", arguments.without_selector, "do without the selector key: weaker");
  app.add_flag("--allow-tokenizer-mismatch", arguments.allow_tokenizer_mismatch, "take a tokenizer of another digest");
  AddSecretOptions(app, arguments.secrets);
}

Result<Judge> MakeJudge(const JudgeArguments& arguments, bool needs_tokenizer, std::string& hint) {
  VERDIGRIS_RETURN_IF_ERROR(ParseOptions(arguments, needs_tokenizer));
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(arguments.profile));
  VERDIGRIS_ASSIGN_OR_RETURN(std::vector<KeyFile> keys, LoadLayerKeys(arguments.keys, arguments.secrets, profile, arguments.profile, hint));
  return MakeJudge(arguments, profile, std::move(keys), needs_tokenizer, hint);
}

Result<Judge> MakeJudge(const JudgeArguments& arguments, const Profile& profile, std::vector<KeyFile> key_files, bool needs_tokenizer, std::string& hint) {
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::JudgeOptions options, ParseOptions(arguments, needs_tokenizer));
  VERDIGRIS_ASSIGN_OR_RETURN(verify::JudgeKeys keys, JudgeKeysOf(arguments, profile, key_files, hint));
  Judge judge{std::move(keys), options, nullptr, {}, arguments.variants == kBothVariants, {}, {}, 1, 0, std::move(key_files), {}, {}, {}};
  VERDIGRIS_RETURN_IF_ERROR(SetProxy(arguments, judge, hint));
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t decoys, ParseInteger("--decoys", arguments.decoys, 0, verify::kMostDecoys));
  judge.decoys = static_cast<uint32_t>(decoys);
  if (!arguments.calibration.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(judge.calibration, LoadCalibration(arguments.calibration));
  }
  if (!arguments.stop_list.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(judge.stop_list, LoadStopList(arguments.stop_list, profile));
  }
  if (arguments.secrets.insecure_permissions) {
    judge.warnings.push_back({"insecure_permissions", 1, "owner and mode of the key files were not checked"});
  }
  if (!needs_tokenizer) return judge;
  auto tokenizer = FindTokenizer(profile, arguments.profile, arguments.tokenizer, arguments.allow_tokenizer_mismatch);
  if (!tokenizer) {
    if (tokenizer.error().kind == ErrorKind::kNotFound && arguments.tokenizer.empty()) hint = "give --tokenizer FILE, or token ids with --ids";
    if (tokenizer.error().kind == ErrorKind::kMismatch) hint = "--allow-tokenizer-mismatch tests with it all the same: valid, but weaker";
    return Unexpected(tokenizer.error());
  }
  judge.tokenizer = std::move(*tokenizer);
  if (profile.normaliser() == verify::kNoNormaliser) {
    VERDIGRIS_ASSIGN_OR_RETURN(judge.normaliser, verify::Normaliser::Create(verify::kTextNormaliser));
  }
  if (judge.tokenizer->digest() != profile.tokenizer_sha256()) {
    judge.warnings.push_back({"tokenizer_mismatch", 1, "sha256 of the tokenizer is " + Hex(judge.tokenizer->digest()) +
                                                           ", the profile has " + Hex(profile.tokenizer_sha256())});
  }
  return judge;
}

Result<Judged> JudgeDocument(const Judge& judge, const std::string& name, std::string_view document) {
  verify::Scratch scratch;
  std::vector<std::vector<verify::Token>> tokens(1);
  if (auto encoded = judge.tokenizer->Encode(document, scratch, tokens[0]); !encoded) return InFile(name, encoded.error());
  double changed = 0;
  if (judge.normaliser) {
    std::string text;
    verify::ByteMap map;
    if (auto applied = judge.normaliser->Apply(document, text, map); !applied) return InFile(name, applied.error());
    if (text != document) {
      changed = static_cast<double>(map.ChangedCharacters(document)) / static_cast<double>(std::max<uint64_t>(verify::CountCharacters(document), 1));
      if (judge.both_variants) {
        if (auto encoded = judge.tokenizer->Encode(text, scratch, tokens.emplace_back()); !encoded) return InFile(name + ", normalised", encoded.error());
        map.ToDocument(tokens.back());
      }
    }
  }
  VERDIGRIS_ASSIGN_OR_RETURN(Judged judged, JudgeTokens(judge, name, AsBytes(document), std::move(tokens)));
  judged.changed = changed;
  if (const uint64_t count = IllFormedBytes(document); count > 0) {
    for (verify::Finding& finding : judged.results.findings) {
      finding.warnings.push_back({"invalid_utf8", count, "bytes that are not UTF-8 were read as U+FFFD"});
    }
  }
  return judged;
}

Result<Judged> JudgeIds(const Judge& judge, const std::string& name, const std::vector<uint32_t>& ids) {
  std::vector<verify::Token> tokens;
  tokens.reserve(ids.size());
  for (uint32_t i = 0; i < ids.size(); ++i) tokens.push_back({ids[i], i, i + 1});
  return JudgeTokens(judge, name, verify::BytesOfIds(ids), {std::move(tokens)});
}

}  // namespace verdigris::tools
