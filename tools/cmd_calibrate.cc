// verdigris calibrate: what the test is worth on texts that nobody marked. With keys, their false-positive rates over a
// corpus; without, those of random keys on one text. Tested by tests/cli/calibrate*.sh.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "tools/documents.h"
#include "tools/inputs.h"
#include "tools/scan_listing.h"
#include "tools/scan_options.h"
#include "tools/terminal/figures.h"
#include "tools/terminal/message.h"
#include "tools/terminal/printable.h"
#include "tools/terminal/progress.h"
#include "tools/verbs.h"
#include "tools/write_key.h"
#include "verify/calibrate.h"
#include "verify/corpus/null_corpus.h"
#include "verify/file.h"

namespace verdigris::tools {
namespace {

constexpr size_t kMostShownGroups = 20;

struct Options {
  ScanArguments corpus;  // profile, keys, and how a corpus is read
  std::string random_keys, max_tokens = "50000000", assign = "document", memory, output, stop_list;
  bool json = false;
};

std::string Rate(double rate) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", rate);
  return text;
}

std::string BandText(const verify::Band& band) { return Rate(band.lower) + " to " + Rate(band.upper); }

// ---- random keys on one text

Result<ExitCode> OnText(const Options& options, Context& context) {
  if (!options.output.empty() || !options.stop_list.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "-o and --stop-list belong to a corpus: give --key");
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const Rule rule, ParseRule(options.corpus.rule.empty() ? "first" : options.corpus.rule));
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, LoadProfile(options.corpus.profile));
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t count, ParseInteger("--random-keys", options.random_keys.empty() ? "100000" : options.random_keys, 1, verify::kMostDecoys));
  if (context.files.size() != 1) return Fail(ErrorKind::kInvalidArgument, "without --key, one text is needed; with it, a corpus");
  const std::string& path = context.files.front();
  VERDIGRIS_ASSIGN_OR_RETURN(const auto tokenizer, FindTokenizer(profile, options.corpus.profile, options.corpus.tokenizer, /*allow_mismatch=*/false));
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

void PrintTests(const verify::CalibrationPart& part, Output& out) {
  for (const verify::CalibrationPart::Test& test : part.tests) {
    std::string kids;
    for (const std::string& kid : test.kids) kids += (kids.empty() ? "" : " + ") + kid;
    out.Write("\nkey " + kids + ", " + std::to_string(test.tested) + " documents long enough\n" +
              "     alpha   documents    measured  99 % band                5 to 95 % of keys\n");
    for (size_t i = 0; i < test.rates.size(); ++i) {
      const verify::CalibrationPart::Rate& rate = test.rates[i];
      std::string band = BandText(rate.band);
      band.resize(std::max<size_t>(band.size(), 23), ' ');
      out.Write(Cell(Rate(std::pow(10, verify::kCalibrationLevels[i])), 10) + Cell(std::to_string(rate.count), 12) +
                Cell(Rate(test.tested == 0 ? 0 : static_cast<double>(rate.count) / static_cast<double>(test.tested)), 12) + "  " + band + "  " +
                BandText(part.predicted[i]) + "\n");
    }
  }
}

// The largest groups, one a line: level .01 of the first test.
void PrintGroups(const std::vector<verify::Calibration::Group>& groups, Output& out) {
  std::vector<const verify::Calibration::Group*> largest;
  largest.reserve(groups.size());
  for (const verify::Calibration::Group& group : groups) largest.push_back(&group);
  std::stable_sort(largest.begin(), largest.end(), [](const auto* a, const auto* b) { return a->documents > b->documents; });
  out.Write("\n documents         rho    at 0.01  5 to 95 % of keys       group\n");
  for (size_t i = 0; i < std::min(kMostShownGroups, largest.size()); ++i) {
    const verify::Calibration::Group& group = *largest[i];
    const verify::CalibrationPart::Test& test = group.tests.front();
    std::string band = BandText(group.predicted[1]);
    band.resize(std::max<size_t>(band.size(), 22), ' ');
    out.Write(Cell(std::to_string(group.documents), 10) + Cell(Rate(group.overlap.rho()), 12) +
              Cell(test.tested == 0 ? "-" : Rate(static_cast<double>(test.rates[1].count) / static_cast<double>(test.tested)), 11) + "  " + band + "  " +
              (group.name.empty() ? "(none)" : Printable(group.name)) + "\n");
  }
  if (largest.size() > kMostShownGroups) out.Write("and " + std::to_string(largest.size() - kMostShownGroups) + " groups more, in the calibration file\n");
}

void PrintCalibration(const verify::Calibration& calibration, Output& out) {
  out.Write(std::to_string(calibration.documents) + " documents, " + std::to_string(calibration.tokens) + " tokens, overlap rho " +
            Rate(calibration.overlap.rho()) + "\n");
  PrintTests(calibration, out);
  if (!calibration.groups.empty()) PrintGroups(calibration.groups, out);
  if (calibration.random_keys) {
    out.Write("\n" + std::to_string(calibration.random_keys->keys) + " random keys: 5 to 95 % of them at");
    for (size_t i = 0; i < verify::kCalibrationLevels.size(); ++i) {
      out.Write((i == 0 ? " " : "; ") + Rate(std::pow(10, verify::kCalibrationLevels[i])) + ": " + BandText(calibration.random_keys->rates[i]));
    }
    out.Write("\n");
    if (!calibration.random_keys->passed) out.Write("self-check failed: the law does not hold on these documents\n");
  }
  if (calibration.root) out.Write("\nevidence root " + Hex(*calibration.root) + "\n");
  out.Write("\n");
  if (calibration.sample_log2 > 0) {
    out.Write("the overlap is of 1 tuple in " + std::to_string(uint64_t{1} << calibration.sample_log2) + ", since --memory has no room for more\n");
  }
  if (calibration.stop_bound) {
    out.Write("rho is above 0.01: a key may be luckier or unluckier than alpha says. --stop-list leaves out tuples of more than " +
              std::to_string(*calibration.stop_bound) + " documents.\n");
  }
}

class Documents : public verify::NullCorpusSink {
 public:
  Documents(verify::CorpusCalibrator& calibrator, size_t inputs) : calibrator_(calibrator), progress_("files", inputs) {}
  Result<void> OnDocument(std::span<const uint8_t> content, std::span<const uint32_t> ids, const std::string& group) override {
    return calibrator_.Add(content, ids, group);
  }
  void OnFailed() override { calibrator_.AddFailed(); }
  bool WantsMore() const override { return calibrator_.WantsMore(); }
  void OnInputDone(size_t input) override { progress_.Update(input + 1); }

 private:
  verify::CorpusCalibrator& calibrator_;
  Progress progress_;
};

Result<verify::CalibrateOptions> CalibrateOptionsOf(const Options& options) {
  verify::CalibrateOptions out;
  if (options.assign != "document" && options.assign != "first-seen") {
    return Fail(ErrorKind::kInvalidArgument, "--assign must be document or first-seen, got " + Shown(options.assign));
  }
  out.assign = options.assign == "document" ? verify::Assign::kDocument : verify::Assign::kFirstSeen;
  out.groups = !options.corpus.group_by.empty() && options.corpus.group_by != "none";
  VERDIGRIS_ASSIGN_OR_RETURN(out.max_tokens, ParseInteger("--max-tokens", options.max_tokens, 1, 1'000'000'000));
  if (!options.random_keys.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t keys, ParseInteger("--random-keys", options.random_keys, 1, 10'000));
    out.random_keys = static_cast<uint32_t>(keys);
  }
  if (!options.memory.empty()) {
    VERDIGRIS_ASSIGN_OR_RETURN(out.memory_bytes, ParseByteCount("--memory", options.memory, uint64_t{1} << 20, uint64_t{1} << 50));
  }
  return out;
}

Result<ExitCode> OnCorpus(const Options& options, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(verify::CalibrateOptions calibrate, CalibrateOptionsOf(options));
  if (context.files.empty() && options.corpus.files_from.empty()) return Fail(ErrorKind::kInvalidArgument, "no documents: name files or folders");
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::GroupNamer namer, verify::GroupNamer::Create(calibrate.groups ? options.corpus.group_by : "none"));
  // The run is that of a scan without groups: whatever they are, the corpus has one evidence root.
  ScanArguments arguments = options.corpus;
  arguments.group_by.clear();
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::ListOptions reading, ReadingOf(arguments, std::nullopt, namer));
  VERDIGRIS_ASSIGN_OR_RETURN(const Listing listing, ListAll(arguments, reading, context.files));
  const bool reads_ids = !reading.read.ids_field.empty() ||
                         std::all_of(listing.inputs.begin(), listing.inputs.end(), [](const verify::Input& input) { return HoldsIds(input.format); });
  ScanInputs inputs;
  VERDIGRIS_RETURN_IF_ERROR(LoadScanInputs(arguments, std::nullopt, reads_ids, inputs, context.hint));
  VERDIGRIS_RETURN_IF_ERROR(FillRun(arguments, std::nullopt, reading, inputs));
  VERDIGRIS_RETURN_IF_ERROR(MakeSetup(inputs));
  calibrate.rule = inputs.run.rule;
  calibrate.min_scored = inputs.run.min_scored;

  InputFailures failures;
  failures.Print(listing.failures);
  VERDIGRIS_ASSIGN_OR_RETURN(verify::CorpusCalibrator calibrator, verify::CorpusCalibrator::Create(*inputs.keys, calibrate));
  verify::NullCorpus corpus;
  {
    Documents documents(calibrator, listing.inputs.size());
    std::error_code no_folder;
    VERDIGRIS_ASSIGN_OR_RETURN(corpus, verify::ReadNullCorpus(inputs.setup, listing.inputs, reading.read, namer,
                                                              std::filesystem::temp_directory_path(no_folder).string(), documents));
  }
  failures.Print(corpus.failures);
  failures.End();
  if (!calibrator.WantsMore()) {
    PrintNote("calibrate: stopped at " + options.max_tokens + " tokens or " + std::to_string(verify::kMostCalibrationTexts) + " documents; what follows was not read");
  }
  if (corpus.failed_records > 0) PrintNote("calibrate: records that could not be read: " + std::to_string(corpus.failed_records));
  VERDIGRIS_ASSIGN_OR_RETURN(verify::Calibration calibration, calibrator.Finish());
  calibration.root = corpus.root;
  const std::string file = verify::WriteCalibration(calibration);
  if (!options.output.empty()) {
    if (auto written = verify::WriteFileAtomic(options.output, file); !written) return AsWriteError(written.error());
  }
  if (!options.stop_list.empty()) {
    auto list = calibrator.MakeStopList(calibration);
    if (!list) {
      context.hint = "give more --memory, or read less with --max-tokens";
      return Unexpected(list.error());
    }
    if (auto written = verify::WriteFileAtomic(options.stop_list, list->bytes()); !written) return AsWriteError(written.error());
    PrintNote("stop list of " + std::to_string(list->size()) + " tuples is in " + options.stop_list);
  }
  if (options.json) {
    context.out.Write(file);
  } else {
    PrintCalibration(calibration, context.out);
  }
  if (failures.any() || corpus.failed_records > 0) return kExitInput;
  return calibration.random_keys && !calibration.random_keys->passed ? kExitNo : kExitYes;
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  ScanArguments& corpus = options->corpus;
  app.add_option("--profile", corpus.profile, "profile of the mark")->type_name("FILE")->required();
  app.add_option("--key", corpus.keys, "keys to test on a corpus; without, random keys on a text")->type_name("FILE")->allow_extra_args(false);
  app.add_option("--random-keys", options->random_keys, "random keys to try as well")->type_name("N");
  app.add_option("--tokenizer", corpus.tokenizer, "tokenizer, if not beside the profile")->type_name("FILE");
  app.add_option("-o,--output", options->output, "calibration for --calibration of other verbs")->type_name("FILE");
  app.add_option("--stop-list", options->stop_list, "write the tuples that too many documents share")->type_name("FILE");
  app.add_option("--max-tokens", options->max_tokens, "stop reading there (50000000)")->type_name("N");
  AddReadingOptions(app, corpus);
  app.add_option("--group-by", corpus.group_by, "each host, source, path:N or field:NAME too")->type_name("BY");
  app.add_option("--rule", corpus.rule, "score first windows, or all tuples (first)")->type_name("first|tuple");
  app.add_option("--min-scored", corpus.min_scored, "leave out shorter documents (50)")->type_name("N");
  app.add_option("--assign", options->assign, "to each, or the first document (document)")->type_name("document|first-seen");
  app.add_option("--memory", options->memory, "for counts of tuples; a sample where they take more (2G)")->type_name("BYTES");
  app.add_flag("--without-selector", corpus.without_selector, "do without the selector key: weaker");
  app.add_flag("--json", options->json, "one JSON document");
  AddSecretOptions(app, corpus.secrets);
  return [options](Context& context) { return options->corpus.keys.empty() ? OnText(*options, context) : OnCorpus(*options, context); };
}

}  // namespace

const Verb kCalibrate = {"calibrate",
                         "measures false-positive rates on unmarked texts",
                         "--profile FILE [--key FILE] [options] PATH...",
                         "verdigris calibrate --profile p.json --key provider.key -o cal.json corpus/",
                         true,
                         Add,
                         "Inputs are those of scan: folders, patterns, lists; formats as --format says."};

}  // namespace verdigris::tools
