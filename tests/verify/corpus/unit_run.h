// A run of made-up units for tests of unit files and merging: documents of random bits, rows, errors and groups, without any text.
#pragma once

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "tests/temporary_folder.h"
#include "tests/watermark/testing.h"
#include "verify/corpus/edges.h"
#include "verify/corpus/unit_file.h"
#include "verify/law.h"
#include "watermark/schemes.h"

namespace verdigris::testing {

// The bytes of the four result files of a folder.
inline std::vector<std::string> ResultsOf(const std::string& folder) {
  std::vector<std::string> out;
  for (const char* file : {"results.jsonl", "groups.jsonl", "errors.jsonl", "summary.json"}) out.push_back(ReadBytes(folder + "/" + file));
  return out;
}

inline void WriteBytes(const std::string& path, std::string_view bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(out.good());
}

struct MadeUnit {
  verify::Unit unit;
  std::string bytes;  // of its file
  std::vector<double> log10_p;  // of all tested documents
  std::string Path(const std::string& directory) const {
    const std::string id = Hex(verify::UnitId(unit));
    return directory + "/done/" + id.substr(0, 2) + "/" + id + ".unit";
  }
};

class MadeRun {
 public:
  // `inputs` of 1 to 5 segments each; a share of the documents is marked, and so are the tuples of the group example.org.
  MadeRun(size_t inputs, size_t documents, double marked, uint64_t seed) : random_(seed), profile_(*MakeProfile(SchemeObject(*FindScheme("green"), 1000))) {
    run_.profile = profile_.digest();
    run_.tokenizer = profile_.tokenizer_sha256();
    run_.tests = {{{"0123456789abcdef"}, "as-is"}, {{"fedcba9876543210"}, "as-is"}};
    run_.group = {"host", 64, 0};
    run_.min_scored = 1;
    list_.run = verify::RunDigest(run_);
    for (size_t i = 0; i < inputs; ++i) {
      verify::ListedInput input;
      char name[32];
      std::snprintf(name, sizeof name, "part-%05zu.jsonl", i);
      input.unit = {"jsonl", "text", 0, 1000 + static_cast<int64_t>(i), 1 << 20, name};
      input.seekable = i % 2 == 0;
      const uint64_t segments = 1 + random_() % 5;
      input.segments = input.seekable ? segments : 0;
      list_.inputs.push_back(input);
      for (uint64_t segment = 0; segment < segments; ++segment) units_.push_back(Make(input.unit, segment, segment + 1 == segments, documents, marked));
    }
  }

  const verify::RunObject& run() const { return run_; }
  const Profile& profile() const { return profile_; }
  const verify::UnitList& list() const { return list_; }
  const std::vector<MadeUnit>& units() const { return units_; }

  // A directory that knows the run and its list, and no unit yet.
  void WriteHead(const std::string& directory) const {
    WriteBytes(directory + "/run.json", verify::RunJson(run_));
    WriteBytes(directory + "/profiles/" + Hex(run_.profile) + ".json", profile_.bytes());
    WriteBytes(directory + "/units.jsonl", verify::UnitListJson(list_));
  }

 private:
  MadeUnit Make(const verify::Unit& of, uint64_t segment, bool last, size_t documents, double marked) {
    MadeUnit made;
    made.unit = of;
    made.unit.segment = segment;
    verify::UnitSummary summary = verify::EmptySummary(run_, made.unit);
    summary.last = last;
    summary.content = Sha256(AsBytes(verify::UnitJson(made.unit)));
    verify::UnitFileBuilder builder(std::filesystem::temp_directory_path().string());
    verify::GroupStates groups(run_.group, false, verify::UnitId(made.unit), std::filesystem::temp_directory_path().string(), 1 << 20);
    const NullLaw law = profile_.scheme().null_law(profile_);
    const double chance = static_cast<double>(law.numerator) / law.denominator;
    for (uint64_t ordinal = 0; ordinal < documents; ++ordinal) {
      ++summary.counts.documents;
      if (random_() % 16 == 0) {
        ++summary.counts.failed;
        ++summary.counts.errors["json"];
        REQUIRE(builder.Add(verify::ErrorEntry{"json", 100 * ordinal, ordinal}));
        continue;
      }
      ++summary.counts.tested;
      const bool is_marked = static_cast<double>(random_() >> 11) * 0x1p-53 < marked;
      for (uint64_t test = 0; test < run_.tests.size(); ++test) {
        verify::DocRow row;
        row.n = 50 + random_() % 400;
        row.s = std::binomial_distribution<uint64_t>(row.n, is_marked && test == 0 ? chance + .2 : chance)(random_);
        row.counts = {row.n + 4, 2, 1, 1, 0, row.n, 0};
        const double log10_p = verify::Log10UpperTail(law, row.n, row.s);
        const verify::PlaceOfP place = verify::FindPlace(law, row.n, row.s, log10_p, run_.tau_hundredths);
        summary.results[test].Add(row.counts, place);
        made.log10_p.push_back(log10_p);
        row.group = ordinal % 3 == 0 ? "example.org" : "host-" + std::to_string(random_() % 4);
        Tuples(groups, row.group, test, ordinal);
        if (!place.row) continue;
        row.id = "doc \"" + std::to_string(ordinal) + "\"";
        row.length = 5 * row.n;
        row.offset = 100 * ordinal;
        row.ordinal = ordinal;
        row.spans = {{3, row.n, 15, 5 * row.n}};
        row.test = test;
        row.text[0] = static_cast<uint8_t>(random_() % 64);
        REQUIRE(builder.Add(row));
      }
    }
    const auto block = groups.Finish();
    REQUIRE(block);
    REQUIRE(builder.Finish(summary, *block, [&](std::string_view piece) -> Result<void> {
      made.bytes += piece;
      return {};
    }));
    return made;
  }

  void Tuples(verify::GroupStates& groups, const std::string& group, uint64_t test, uint64_t ordinal) {
    const auto sample = groups.SampleOf(group, test, ordinal, 0);
    REQUIRE(sample);
    for (int i = 0; i < 8; ++i) {
      verify::Fingerprint fingerprint{};
      fingerprint[0] = static_cast<uint8_t>(random_() % 200);
      if ((*sample)->Takes(fingerprint)) (*sample)->Add(fingerprint, fingerprint[0] % (group == "example.org" ? 2 : 4) == 0);
    }
  }

  std::mt19937_64 random_;
  Profile profile_;
  verify::RunObject run_;
  verify::UnitList list_;
  std::vector<MadeUnit> units_;
};

}  // namespace verdigris::testing
