// The directory of a run: the run object, the list of inputs, and the unit files, which appear there whole or not at all
// (corpus.md C8). Any number of processes may work in one directory; any of them may be killed at any moment.
//
//   DIR/ run.json profiles/ units.jsonl done/<2 hex>/<unit id>.unit tmp/ log.jsonl
//
// Errors   kMismatch: another run, another list of inputs. kIo: the system's reason, also a full disk; what is done is kept.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "verify/corpus/granule.h"
#include "verify/corpus/run.h"
#include "verify/corpus/unit.h"
#include "verify/corpus/unit_file.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr std::string_view kRunFile = "run.json";
inline constexpr std::string_view kUnitListFile = "units.jsonl";
inline constexpr std::string_view kLogFile = "log.jsonl";

// The run object of a directory; nothing where there is none yet. Errors name the file.
Result<std::optional<RunObject>> ReadRun(const std::string& directory);
// profiles/<digest>.json of a directory. Errors name the file.
std::string ProfilePath(const std::string& directory, const Digest& profile);
std::string UnitPath(const std::string& directory, const Digest& unit);

class ScanDirectory {
 public:
  // Makes what is not there, and removes what dead processes of this host left in tmp/. `profile_bytes`: of the profile named by
  // the run; `beside`: names and bytes of further files that a new run gets. alpha and control of a run that is there are those
  // given here from now on.
  static Result<ScanDirectory> Open(const std::string& path, const RunObject& run, std::string_view profile_bytes,
                                    const std::vector<std::pair<std::string, std::string>>& beside = {});
  ScanDirectory(ScanDirectory&&) noexcept = default;

  const std::string& path() const { return path_; }
  std::string spill_folder() const { return path_ + "/tmp"; }

  // Writes units.jsonl where there is none; else compares. `ignore_mtime`: not that member.
  Result<void> SetList(const UnitList& list, bool ignore_mtime) const;

  struct State {
    UnitState state = UnitState::kMissing;
    bool broken = false;  // the unit's bytes are damaged, and it says so
    std::string fault;  // of a file that was moved away to tmp/, since it is not what it should be
  };
  // Reads and checks the unit's file.
  Result<State> StateOf(const Unit& unit) const;

  // Writes a unit that is complete. Equal bytes that are there already are fine.
  // Errors   kMismatch: the unit is there with other bytes, and stays as it is.
  Result<void> Write(OpenUnit& unit) const;

  // Appends one line to log.jsonl, with time, host and pid.
  Result<void> Log(Json::Object members) const;

  // For tests: called between fsync and rename of a unit file.
  std::function<void()> before_rename;

 private:
  ScanDirectory(std::string path, RunObject run) : path_(std::move(path)), run_(std::move(run)) {}
  Result<void> RemoveLeftovers() const;
  Result<std::string> TemporaryName() const;

  std::string path_;
  RunObject run_;
};

}  // namespace verdigris::verify
