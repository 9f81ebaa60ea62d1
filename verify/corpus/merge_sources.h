// What a merge starts from: the run object, profile and list of inputs that its sources agree on, and where each copy of a unit lies.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "verify/corpus/bytes.h"
#include "verify/corpus/run.h"
#include "verify/corpus/unit.h"
#include "verify/corpus/unit_file.h"
#include "verify/law.h"
#include "watermark/profile.h"

namespace verdigris::verify {

// One copy of a unit in one source: a file of a directory, or a row that an engine stored.
struct UnitCopy {
  static constexpr uint32_t kRows = ~uint32_t{0};
  Digest unit;
  uint32_t source;                  // place of the directory, or kRows
  uint64_t offset = 0, length = 0;  // of a row's unit file in the spool
  uint32_t row = 0;                 // place of a row among all
};

class MergeSources {
 public:
  // `directories` of one run and `rows` as MergeOptions has them. What rows hold is spooled to `output`, which must be there.
  //
  // Errors   kNotFound, kMismatch, kMalformed, kIo with the source at fault; kInternal where two lists have one input with two
  //          states.
  static Result<MergeSources> Read(std::vector<std::string> directories, const std::vector<std::string>& rows, const std::string& output);

  const RunObject& run() const { return run_; }
  const Profile& profile() const { return *profile_; }
  const NullLaw& law() const { return law_; }
  const std::vector<ListedInput>& inputs() const { return inputs_; }  // of all lists, by URI
  const std::vector<UnitCopy>& copies() const { return copies_; }     // by unit id

  // For messages, and `error` with it in front.
  std::string NameOf(const UnitCopy& copy) const;
  Unexpected In(const UnitCopy& copy, const Error& error) const;
  Result<std::shared_ptr<const ByteSource>> SourceOf(const UnitCopy& copy) const;
  // Errors name the copy.
  Result<UnitFile> Open(const UnitCopy& copy) const;

 private:
  MergeSources(std::vector<std::string> directories, const std::string& output) : directories_(std::move(directories)), spool_(output) {}
  Result<void> ReadProfile(const std::string& directory);
  Result<void> ReadList(const std::string& directory);
  Result<void> ListUnits(uint32_t source);
  Result<void> SpoolRows(const std::string& path);

  std::vector<std::string> directories_;
  RunObject run_;
  std::optional<Profile> profile_;
  NullLaw law_{};
  std::vector<ListedInput> inputs_;
  std::vector<UnitCopy> copies_;
  Spool spool_;
  std::vector<std::string> row_places_;
};

// Of sources that contradict each other: kInternal (command-line.md L5: status 4).
Unexpected Conflict(const std::string& message);

}  // namespace verdigris::verify
