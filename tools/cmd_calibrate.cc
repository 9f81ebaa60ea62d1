// verdigris calibrate: what the test is worth on texts that nobody marked. With keys, their false-positive rates over a
// corpus; without, those of random keys on one text. Tested by tests/cli/calibrate.sh.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "tools/documents.h"
#include "tools/inputs.h"
#include "tools/terminal/message.h"
#include "tools/terminal/printable.h"
#include "tools/terminal/progress.h"
#include "tools/terminal/figures.h"
#include "tools/verbs.h"
#include "tools/write_key.h"
#include "verify/calibrate.h"
#include "verify/file.h"

namespace verdigris::tools {
namespace {

struct Options {
  std::string profile, tokenizer, random_keys, min_scored = "50", max_tokens = "50000000", rule = "first", assign = "document", output, stop_list;
  std::vector<std::string> keys;
  bool json = false, without_selector = false;
  SecretOptions secrets;
};

std::string Rate(double rate) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", rate);
  return text;
}

std::string BandText(const verify::Band& band) { return Rate(band.lower) + " to " + Rate(band.upper); }

// ---- random keys on one text

Result<ExitCode> OnText(const Options& options, const Profile& profile, Rule rule, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t count, ParseInteger("--random-keys", options.random_keys.empty() ? "100000" : options.random_keys, 1, verify::kMostDecoys));
  if (context.files.size() != 1) return Fail(ErrorKind::kInvalidArgument, "without --key, one text is needed; with it, a corpus");
  const std::string& path = context.files.front();
  VERDIGRIS_ASSIGN_OR_RETURN(const auto tokenizer, FindTokenizer(profile, options.profile, options.tokenizer, /*allow_mismatch=*/false));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string document, verify::ReadFile(path, verify::kMaxDocumentBytes));
  auto ids = IdsOf(*tokenizer, document);
  if (!ids) return InFile(path, ids.error());
  std::vector<PositionState> states;
  ClassifyPositions(*ids, profile.window(), profile.special_ids(), rule, states);
  verify::Evidence evidence(profile.window());
  evidence.AddText(*ids, states, /*record=*/0, nullptr);
  VERDIGRIS_ASSIGN_OR_RETURN(verify::KeyScorer scorer, verify::KeyScorer::Create(profile, verify::TuplesOf(evidence)));
  const verify::DecoyKeys keys({}, Sha256(AsBytes(document)));
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::KeysOnText result, verify::CalibrateOnText(scorer, keys, static_cast<uint32_t>(count)));
  if (options.json) {
    nlohmann::ordered_json json = {{"schema", "verdigris.keys-on-text/1"}, {"input", path}, {"profile", Hex(profile.digest())},
                                   {"n", result.n}, {"keys", result.keys}, {"law_holds", result.law.passed}};
    for (const auto& level : result.levels) {
      json["levels"].push_back({{"log10_alpha", level.log10_alpha}, {"expected", std::pow(10, level.log10_size)}, {"count", level.count},
                                {"band", {level.band.lower, level.band.upper}}});
    }
    context.out.Write(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  } else {
    context.out.Write(Printable(path) + ": " + std::to_string(result.keys) + " random keys on " + std::to_string(result.n) + " scored tokens\n\n" +
                      "     alpha    expected    measured  99 % band\n");
    for (const auto& level : result.levels) {
      context.out.Write(Cell(Rate(std::pow(10, level.log10_alpha)), 10) + Cell(Rate(std::pow(10, level.log10_size)), 12) +
                        Cell(Rate(static_cast<double>(level.count) / static_cast<double>(result.keys)), 12) + "  " + BandText(level.band) + "\n");
    }
    context.out.Write(result.law.passed ? "\nthe law holds on this text\n" : "\n" + std::string(verify::kLawDoesNotHold) + "\n");
  }
  return result.law.passed ? kExitYes : kExitNo;
}

// ---- keys on a corpus

void PrintCalibration(const verify::Calibration& calibration, Output& out) {
  out.Write(std::to_string(calibration.documents) + " documents, " + std::to_string(calibration.tokens) + " tokens, overlap rho " +
            Rate(calibration.overlap.rho()) + "\n");
  for (const verify::Calibration::Test& test : calibration.tests) {
    std::string kids;
    for (const std::string& kid : test.kids) kids += (kids.empty() ? "" : " + ") + kid;
    out.Write("\nkey " + kids + ", " + std::to_string(test.tested) + " documents long enough\n" +
              "     alpha   documents    measured  99 % band                5 to 95 % of keys\n");
    for (size_t i = 0; i < test.rates.size(); ++i) {
      const verify::Calibration::Rate& rate = test.rates[i];
      std::string band = BandText(rate.band);
      band.resize(std::max<size_t>(band.size(), 23), ' ');
      out.Write(Cell(Rate(std::pow(10, verify::kCalibrationLevels[i])), 10) + Cell(std::to_string(rate.count), 12) +
                Cell(Rate(test.tested == 0 ? 0 : static_cast<double>(rate.count) / static_cast<double>(test.tested)), 12) + "  " + band + "  " +
                BandText(calibration.predicted[i]) + "\n");
    }
  }
  if (calibration.random_keys) {
    out.Write("\n" + std::to_string(calibration.random_keys->keys) + " random keys: 5 to 95 % of them at");
    for (size_t i = 0; i < verify::kCalibrationLevels.size(); ++i) {
      out.Write((i == 0 ? " " : "; ") + Rate(std::pow(10, verify::kCalibrationLevels[i])) + ": " + BandText(calibration.random_keys->rates[i]));
    }
    out.Write("\n");
    if (!calibration.random_keys->passed) out.Write("self-check failed: the law does not hold on these documents\n");
  }
  out.Write("\n");
  if (calibration.stop_bound) {
    out.Write("rho is above 0.01: a key may be luckier or unluckier than alpha says. --stop-list leaves out tuples of more than " +
              std::to_string(*calibration.stop_bound) + " documents.\n");
  }
}

Result<ExitCode> OnCorpus(const Options& options, const Profile& profile, Rule rule, Context& context) {
  verify::CalibrateOptions calibrate;
  calibrate.rule = rule;
  if (options.assign != "document" && options.assign != "first-seen") {
    return Fail(ErrorKind::kInvalidArgument, "--assign must be document or first-seen, got " + Shown(options.assign));
  }
  calibrate.assign = options.assign == "document" ? verify::Assign::kDocument : verify::Assign::kFirstSeen;
  VERDIGRIS_ASSIGN_OR_RETURN(calibrate.min_scored, ParseInteger("--min-scored", options.min_scored, 1, kIdLimit));
  VERDIGRIS_ASSIGN_OR_RETURN(calibrate.max_tokens, ParseInteger("--max-tokens", options.max_tokens, 1, 1'000'000'000));
  if (!options.random_keys.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t keys, ParseInteger("--random-keys", options.random_keys, 1, 10'000));
    calibrate.random_keys = static_cast<uint32_t>(keys);
  }
  if (context.files.empty()) return Fail(ErrorKind::kInvalidArgument, "no documents: name files or folders");
  VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<KeyFile> keys, LoadLayerKeys(options.keys, options.secrets, profile, options.profile, context.hint));
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::JudgeKeys judge_keys, verify::JudgeKeys::Create(profile, Pointers(keys), options.without_selector));
  VERDIGRIS_ASSIGN_OR_RETURN(const auto tokenizer, FindTokenizer(profile, options.profile, options.tokenizer, /*allow_mismatch=*/false));
  VERDIGRIS_ASSIGN_OR_RETURN(verify::CorpusCalibrator calibrator, verify::CorpusCalibrator::Create(judge_keys, calibrate));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<std::string> paths, FilesUnder(context.files));

  bool failed = false;
  Progress progress("files", paths.size());
  for (size_t i = 0; i < paths.size() && calibrator.WantsMore(); ++i) {
    const auto add = [&](std::string_view document, const std::string& name) -> Result<void> {
      if (!calibrator.WantsMore()) return {};
      auto ids = IdsOf(*tokenizer, document);
      if (!ids) return InFile(name, ids.error());
      return calibrator.Add(AsBytes(document), *ids);
    };
    if (auto read = ReadDocuments(paths[i], add); !read) {
      PrintError(read.error());
      calibrator.AddFailed();
      failed = true;
    }
    progress.Update(i + 1);
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::Calibration calibration, calibrator.Finish());
  const std::string file = verify::WriteCalibration(calibration);
  if (!options.output.empty()) {
    if (auto written = verify::WriteFileAtomic(options.output, file); !written) return AsWriteError(written.error());
  }
  if (!options.stop_list.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const verify::StopList list, calibrator.MakeStopList(calibration));
    if (auto written = verify::WriteFileAtomic(options.stop_list, list.bytes()); !written) return AsWriteError(written.error());
    PrintNote("stop list of " + std::to_string(list.size()) + " tuples is in " + options.stop_list);
  }
  if (options.json) {
    context.out.Write(file);
  } else {
    PrintCalibration(calibration, context.out);
  }
  if (failed) return kExitInput;
  return calibration.random_keys && !calibration.random_keys->passed ? kExitNo : kExitYes;
}

Result<ExitCode> Calibrate(const Options& options, Context& context) {
  if (options.rule != "first" && options.rule != "tuple") {
    return Fail(ErrorKind::kInvalidArgument, "--rule must be first or tuple, got " + Shown(options.rule));
  }
  const Rule rule = options.rule == "first" ? Rule::kFirst : Rule::kTuple;
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(options.profile));
  if (!options.keys.empty()) return OnCorpus(options, profile, rule, context);
  if (!options.output.empty() || !options.stop_list.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "-o and --stop-list belong to a corpus: give --key");
  }
  return OnText(options, profile, rule, context);
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--profile", options->profile, "profile of the mark")->type_name("FILE")->required();
  app.add_option("--key", options->keys, "keys to test on a corpus; without, random keys on a text")->type_name("FILE")->allow_extra_args(false);
  app.add_option("--random-keys", options->random_keys, "random keys to try as well")->type_name("N");
  app.add_option("--tokenizer", options->tokenizer, "tokenizer, if not beside the profile")->type_name("FILE");
  app.add_option("--rule", options->rule, "score first windows, or all tuples (first)")->type_name("first|tuple");
  app.add_option("--min-scored", options->min_scored, "leave out shorter documents (50)")->type_name("N");
  app.add_option("--max-tokens", options->max_tokens, "stop reading there (50000000)")->type_name("N");
  app.add_option("--assign", options->assign, "to each, or the first document (document)")->type_name("document|first-seen");
  app.add_option("--stop-list", options->stop_list, "write the tuples that too many documents share")->type_name("FILE");
  app.add_flag("--without-selector", options->without_selector, "do without the selector key: weaker");
  app.add_option("-o,--output", options->output, "calibration for detect --calibration")->type_name("FILE");
  app.add_flag("--json", options->json, "one JSON document");
  AddSecretOptions(app, options->secrets);
  return [options](Context& context) { return Calibrate(*options, context); };
}

}  // namespace

const Verb kCalibrate = {"calibrate",
                         "measures false-positive rates on unmarked texts",
                         "--profile FILE [--key FILE] [options] PATH...",
                         "verdigris calibrate --profile p.json --key provider.key -o cal.json corpus/",
                         true,
                         Add,
                         "a folder is read whole; of *.jsonl, the member `text` of each line is a document"};

}  // namespace verdigris::tools
