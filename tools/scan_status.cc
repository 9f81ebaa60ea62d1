// Tested by tests/cli/scan.sh.
#include "tools/scan_status.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "tools/scan_listing.h"
#include "tools/scan_run.h"
#include "tools/scan_view.h"
#include "tools/terminal/message.h"
#include "tools/terminal/printable.h"
#include "verify/corpus/result_files.h"
#include "verify/corpus/scan.h"
#include "verify/corpus/scan_directory.h"
#include "verify/file.h"
#include "verify/utc_time.h"

namespace verdigris::tools {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostLogLine = size_t{1} << 20;
constexpr size_t kMostSummaryBytes = size_t{64} << 20;
constexpr uint64_t kMostRechecked = 100'000;
constexpr size_t kMostShown = 20;
constexpr int64_t kRecentSeconds = 600;  // of log.jsonl, for the rate

Result<std::string> DirectoryOf(const ScanArguments& a, const Context& context) {
  if (!a.output.empty() && context.files.empty()) return a.output;
  if (a.output.empty() && context.files.size() == 1) return context.files.front();
  return Usage("name one directory of a run");
}

Result<verify::RunObject> RunOf(const std::string& directory) {
  VERDIGRIS_ASSIGN_OR_RETURN(std::optional<verify::RunObject> run, verify::ReadRun(directory));
  if (!run) return Fail(ErrorKind::kNotFound, directory + ": no " + std::string(verify::kRunFile) + " is there");
  return std::move(*run);
}

// Ids of the unit files that are there.
Result<std::vector<Digest>> UnitsThere(const std::string& directory) {
  std::vector<Digest> ids;
  std::error_code error;
  fs::recursive_directory_iterator it(directory + "/done", error), end;
  for (; !error && it != end; it.increment(error)) {
    Digest id;
    if (it->path().extension() == ".unit" && ParseHex(it->path().stem().string(), id)) ids.push_back(id);
  }
  if (error) return Fail(ErrorKind::kIo, directory + "/done: " + error.message());
  return ids;
}

struct Rate {
  double units_per_second = 0, text_per_second = 0;
};

// Of the last ten minutes in which units were finished, all hosts together.
Result<Rate> RecentRate(const std::string& directory) {
  auto lines = verify::LineReader::Open(directory + "/" + std::string(verify::kLogFile), kMostLogLine);
  if (!lines && lines.error().kind == ErrorKind::kNotFound) return Rate{};
  if (!lines) return Unexpected(lines.error());
  struct Done {
    int64_t time;
    uint64_t text_bytes;
  };
  std::vector<Done> units;
  std::string_view line;
  for (;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, lines->Next(line));
    if (!more) break;
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("time") || !json["time"].is_string()) continue;  // the log is no evidence
    const std::optional<int64_t> time = verify::SecondsOfUtc(json["time"]);
    if (!time) continue;
    units.push_back({*time, json.contains("text_bytes") && json["text_bytes"].is_number_unsigned() ? json["text_bytes"].get<uint64_t>() : 0});
  }
  if (units.size() < 2) return Rate{};
  int64_t latest = 0;
  for (const Done& unit : units) latest = std::max(latest, unit.time);
  int64_t first = latest;
  uint64_t count = 0, text = 0;
  for (const Done& unit : units) {
    if (unit.time < latest - kRecentSeconds) continue;
    first = std::min(first, unit.time);
    ++count;
    text += unit.text_bytes;
  }
  const double seconds = static_cast<double>(std::max<int64_t>(1, latest - first));
  return Rate{static_cast<double>(count) / seconds, static_cast<double>(text) / seconds};
}

}  // namespace

Result<ExitCode> ScanStatus(const ScanArguments& a, Context& context) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string directory, DirectoryOf(a, context));
  VERDIGRIS_ASSIGN_OR_RETURN([[maybe_unused]] const verify::RunObject run, RunOf(directory));
  VERDIGRIS_ASSIGN_OR_RETURN(const verify::UnitList list, verify::ReadUnitList(directory + "/" + std::string(verify::kUnitListFile)));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<Digest> there, UnitsThere(directory));
  const std::set<Digest> done(there.begin(), there.end());
  uint64_t missing = 0, complete = 0, unknown = 0;
  std::vector<std::string> started;
  for (const verify::ListedInput& input : list.inputs) {
    verify::Unit unit = input.unit;
    // Of an input whose end is not known, the units that are there count up to the first that is not; the last says so.
    uint64_t found = 0;
    bool last = false;
    for (uint64_t segment = 0; input.segments == 0 ? !last : segment < input.segments; ++segment) {
      unit.segment = segment;
      const Digest id = UnitId(unit);
      if (!done.contains(id)) {
        if (input.segments == 0) break;
        continue;
      }
      ++found;
      if (input.segments != 0) continue;
      VERDIGRIS_ASSIGN_OR_RETURN(const verify::UnitFile file, verify::UnitFile::Open(verify::UnitPath(directory, id)));
      last = file.summary().last;
    }
    const bool whole = input.segments == 0 ? last : found == input.segments;
    complete += whole;
    if (input.segments != 0) {
      missing += input.segments - found;
    } else if (!whole) {
      ++unknown;
    }
    if (!whole && found > 0) started.push_back(input.unit.uri + ": " + std::to_string(found) + (input.segments == 0 ? " units" : " of " + std::to_string(input.segments) + " units"));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const Rate rate, RecentRate(directory));
  if (a.json) {
    nlohmann::ordered_json json = {{"schema", "verdigris.status/1"}, {"inputs", list.inputs.size()}, {"inputs_complete", complete}, {"inputs_open_ended", unknown},
                                   {"units_done", done.size()}, {"units_missing", missing}, {"text_bytes_per_s", std::llround(rate.text_per_second)}};
    context.out.Write(json.dump() + "\n");
    return kExitYes;
  }
  context.out.Write("inputs  " + std::to_string(complete) + " of " + std::to_string(list.inputs.size()) + " complete\n" + "units   " + std::to_string(done.size()) +
                    " done, " + std::to_string(missing) + " missing" +
                    (unknown > 0 ? ", and those of " + std::to_string(unknown) + " compressed inputs, which show when they are read" : "") + "\n");
  if (rate.units_per_second > 0 && missing + unknown > 0) {
    context.out.Write("rate    " + ByteText(rate.text_per_second) + "/s of text lately");
    if (missing > 0) context.out.Write(", about " + TimeText(static_cast<double>(missing) / rate.units_per_second) + " left for the units that are known");
    context.out.Write("\n");
  }
  for (size_t i = 0; i < std::min(started.size(), kMostShown); ++i) context.out.Write("begun   " + Printable(started[i]) + "\n");
  if (started.size() > kMostShown) context.out.Write("        and " + std::to_string(started.size() - kMostShown) + " more\n");
  return kExitYes;
}

Result<ExitCode> ScanRecheck(const ScanArguments& given, Context& context) {
  ScanArguments a = given;
  VERDIGRIS_ASSIGN_OR_RETURN(const uint64_t wanted, ParseInteger("--recheck", a.recheck, 1, kMostRechecked));
  VERDIGRIS_ASSIGN_OR_RETURN(a.output, DirectoryOf(a, context));
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string summary_bytes, verify::ReadFile(a.output + "/" + std::string(verify::kSummaryFile), kMostSummaryBytes));
  auto summary = verify::ParseCorpusSummary(summary_bytes);
  if (!summary) return InFile(a.output + "/" + std::string(verify::kSummaryFile), summary.error());
  if (summary->root.empty()) return Fail(ErrorKind::kFailedPrecondition, a.output + ": the run is not complete, so it has no evidence root to choose units by");
  Digest root;
  if (!ParseHex(summary->root, root)) return Fail(ErrorKind::kMalformed, a.output + "/" + std::string(verify::kSummaryFile) + ": root is no digest");

  ScanRun run;
  VERDIGRIS_RETURN_IF_ERROR(ResumeRun(a, run, context.hint));
  VERDIGRIS_ASSIGN_OR_RETURN(const Listing listing, ListAll(a, run.reading, {}));
  std::map<std::string, const verify::Input*> by_uri;
  for (const verify::Input& input : listing.inputs) by_uri[input.uri] = &input;

  // Nobody can know before the root which units these are.
  VERDIGRIS_ASSIGN_OR_RETURN(const std::vector<Digest> units, UnitsThere(a.output));
  std::vector<std::pair<Digest, Digest>> order;
  for (const Digest& id : units) {
    std::vector<uint8_t> both(root.begin(), root.end());
    both.insert(both.end(), id.begin(), id.end());
    order.emplace_back(Sha256(both), id);
  }
  std::sort(order.begin(), order.end());
  order.resize(std::min<size_t>(order.size(), wanted));
  bool differs = false, failed = false;
  for (const auto& [place, id] : order) {
    const std::string path = verify::UnitPath(a.output, id);
    VERDIGRIS_ASSIGN_OR_RETURN(const verify::UnitFile file, verify::UnitFile::Open(path));
    const verify::Unit& unit = file.summary().unit;
    const std::string name = Printable(unit.uri) + ", segment " + std::to_string(unit.segment);
    const auto input = by_uri.find(unit.uri);
    if (input == by_uri.end() || input->second->path == "-") {
      PrintFault(ErrorClass(ErrorKind::kNotFound), name + ": its input is not there to be read again");
      failed = true;
      continue;
    }
    auto bytes = verify::ComputeUnit(run.inputs.setup, *input->second, run.reading.read, *run.namer, a.output + "/tmp", unit.segment);
    if (!bytes) {
      PrintFault(ErrorClass(bytes.error().kind), name + ": " + bytes.error().message);
      failed = true;
      continue;
    }
    VERDIGRIS_ASSIGN_OR_RETURN(const std::string stored, verify::ReadFileRange(path, 0, file.source().size()));
    const bool same = *bytes == stored;
    differs = differs || !same;
    context.out.Write((same ? "same     " : "DIFFERS  ") + name + "\n");
  }
  if (differs) return kExitInternal;
  return failed ? kExitInput : kExitYes;
}

}  // namespace verdigris::tools
