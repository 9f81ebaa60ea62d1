// Tested by tests/verify/corpus/merge_test.cc.
#include "verify/corpus/merge_sources.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "verify/corpus/engine_rows.h"
#include "verify/corpus/scan_directory.h"
#include "verify/file.h"

namespace verdigris::verify {
namespace {

constexpr size_t kMostProfileBytes = size_t{1} << 26;

void SortByUri(std::vector<ListedInput>& inputs) {
  std::sort(inputs.begin(), inputs.end(), [](const ListedInput& a, const ListedInput& b) { return a.unit.uri < b.unit.uri; });
}

// Unless the error names the place already.
Unexpected WithPlace(const std::string& place, const Error& error) {
  return Fail(error.kind, error.message.starts_with(place) ? error.message : place + ": " + error.message);
}

}  // namespace

Unexpected Conflict(const std::string& message) { return Fail(ErrorKind::kInternal, "conflict: " + message); }

Result<MergeSources> MergeSources::Read(std::vector<std::string> directories, const std::vector<std::string>& rows, const std::string& output) {
  MergeSources sources(std::move(directories), output);
  std::vector<std::string> of_run = sources.directories_;
  if (of_run.empty()) of_run.push_back(output);
  for (const std::string& directory : of_run) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<RunObject> run, ReadRun(directory));
    if (!run) return Fail(ErrorKind::kNotFound, directory + ": no " + std::string(kRunFile) + " there: a source is the directory of a scan");
    if (!sources.profile_) {
      sources.run_ = *run;
      VERDIGRIS_RETURN_IF_ERROR(sources.ReadProfile(directory));
    } else {
      VERDIGRIS_RETURN_IF_ERROR(CheckSameRun(sources.run_, *run, directory));
    }
    VERDIGRIS_RETURN_IF_ERROR(sources.ReadList(directory));
  }
  for (uint32_t i = 0; i < sources.directories_.size(); ++i) VERDIGRIS_RETURN_IF_ERROR(sources.ListUnits(i));
  for (const std::string& path : rows) VERDIGRIS_RETURN_IF_ERROR(sources.SpoolRows(path));
  std::stable_sort(sources.copies_.begin(), sources.copies_.end(), [](const UnitCopy& a, const UnitCopy& b) { return a.unit < b.unit; });
  return sources;
}

Result<void> MergeSources::ReadProfile(const std::string& directory) {
  const std::string path = ProfilePath(directory, run_.profile);
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kMostProfileBytes));
  auto profile = Profile::Parse(bytes);
  if (!profile) return WithPlace(path, profile.error());
  if (profile->digest() != run_.profile) return Fail(ErrorKind::kMismatch, path + ": has SHA-256 " + Hex(profile->digest()));
  profile_.emplace(std::move(*profile));
  law_ = profile_->scheme().null_law(*profile_);
  return {};
}

// Lists of several directories are united.
Result<void> MergeSources::ReadList(const std::string& directory) {
  const std::string path = directory + "/" + std::string(kUnitListFile);
  VERDIGRIS_ASSIGN_OR_RETURN(UnitList list, ReadUnitList(path));
  if (list.run != RunDigest(run_)) return Fail(ErrorKind::kMismatch, path + ": of run " + Hex(list.run) + ", not " + Hex(RunDigest(run_)));
  const auto before = static_cast<std::ptrdiff_t>(inputs_.size());
  for (ListedInput& input : list.inputs) {
    const auto end = inputs_.begin() + before;
    const auto at = std::lower_bound(inputs_.begin(), end, input.unit.uri, [](const ListedInput& a, const std::string& uri) { return a.unit.uri < uri; });
    if (at == end || at->unit.uri != input.unit.uri) {
      inputs_.push_back(std::move(input));
      continue;
    }
    if (!(at->unit == input.unit)) return Conflict(path + ": input '" + input.unit.uri + "' is listed otherwise in another source");
    at->segments = std::max(at->segments, input.segments);
  }
  SortByUri(inputs_);
  return {};
}

Result<void> MergeSources::ListUnits(uint32_t source) {
  const std::string done = directories_[source] + "/done";
  std::error_code error;
  if (!std::filesystem::exists(done, error)) return {};
  for (std::filesystem::recursive_directory_iterator at(done, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() != ".unit") continue;
    UnitCopy copy{{}, source};
    if (!ParseHex(at->path().stem().string(), copy.unit)) return Fail(ErrorKind::kMalformed, at->path().string() + ": the name is no unit id");
    copies_.push_back(copy);
  }
  if (error) return Fail(ErrorKind::kIo, done + ": " + error.message());
  return {};
}

Result<void> MergeSources::SpoolRows(const std::string& path) {
  return ForEachEngineRow(path, [&](const Digest& unit, const std::string& body, const std::string& place) -> Result<void> {
    copies_.push_back({unit, UnitCopy::kRows, spool_.size(), body.size(), static_cast<uint32_t>(row_places_.size())});
    row_places_.push_back(place);
    return spool_.Append(body);
  });
}

std::string MergeSources::NameOf(const UnitCopy& copy) const {
  return copy.source == UnitCopy::kRows ? row_places_[copy.row] : UnitPath(directories_[copy.source], copy.unit);
}

Unexpected MergeSources::In(const UnitCopy& copy, const Error& error) const { return WithPlace(NameOf(copy), error); }

Result<std::shared_ptr<const ByteSource>> MergeSources::SourceOf(const UnitCopy& copy) const {
  if (copy.source != UnitCopy::kRows) return FileSource(NameOf(copy));
  return PartOf(spool_.source(), copy.offset, copy.length);
}

Result<UnitFile> MergeSources::Open(const UnitCopy& copy) const {
  VERDIGRIS_ASSIGN_OR_RETURN(auto source, SourceOf(copy));
  auto file = UnitFile::Of(std::move(source));
  if (!file) return In(copy, file.error());
  return file;
}

}  // namespace verdigris::verify
